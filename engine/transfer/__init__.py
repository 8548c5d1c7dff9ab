"""Moves and maintains runs: export, import, rebuild, rename, note, remove, garbage collection.

Imports run, core, models, events, harness_repo, errors and `domains/atomic.py`. Never in it: a running engine, or a
decision.
"""
