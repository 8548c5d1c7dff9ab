"""The pure middle: state, decide, gate, budget, settings and replay are functions of events alone.

Imports events, the domain contract and seeds. Never in it: a clock, a file, a process, a network or an agent.
"""
