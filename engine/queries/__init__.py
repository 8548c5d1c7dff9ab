"""Read-only queries of a log: report, costs, estimate, comparison, what-if, bisect, snapshot, audit.

Imports run, core, events and below. Never in it: an effect, or an append.
"""
