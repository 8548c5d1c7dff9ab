"""Moves and maintains runs: export, import, rebuild, rename, relink, note, accept a loss, remove, garbage collection.

Imports checkout, run, core, grading, models, events, harness_repo, domain_files, trust, errors and `domains/atomic.py`.
Never in it: a running engine, or a decision.
"""
