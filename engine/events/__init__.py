"""The log: typed events in a hash chain, in one SQLite file. Every SQL statement is sent from here.

Imports trust, user_state, containment, errors, failure, usage and `domains/atomic.py`. Never in it: what a run
decides, or how a screen shows it.
"""
