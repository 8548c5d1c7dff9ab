"""Read-only queries of a log: report, costs, estimate, comparison, what-if, bisect, harness diff, origin of settings,
snapshot, audit.

Imports evaluation, run, core, agents, events, harness_repo and below. Never in it: an effect, or an append.
"""
