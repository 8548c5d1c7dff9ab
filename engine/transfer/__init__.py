"""Moves and maintains runs: export, import, rebuild, rename, note, remove, garbage collection.

Imports loop and below. Never in it: a running engine, or a decision.
"""
