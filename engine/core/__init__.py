"""The pure core: state, decide, gate, budget, settings and replay are functions of events alone.

Imports events, seeds, errors, the domain contract and `harness_repo.objects`. Never in it: a clock, a file, a process,
a network or an agent.
"""
