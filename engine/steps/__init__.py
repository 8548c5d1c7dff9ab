"""The steps of the loop: baseline, execution, improvement, sealed test, probes; an agent's tools and view of the run.

Imports evaluation, run, core, agents and below. Never in it: what comes next, which `core.decide` alone says.
"""
