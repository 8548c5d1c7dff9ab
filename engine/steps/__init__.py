"""What the loop performs: baseline, execution, improvement, sealed test, probes; the tools and view of an agent.

Imports evaluation, run, core, agents and below. Never in it: what comes next, which `core.decide` alone says.
"""
