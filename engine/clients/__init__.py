"""Coding agents that a user already has, each started without a terminal for one errand in a folder.

Imports `sandbox`, `pipes` and what is below. Never in it: a run, a harness, what an errand is for.
"""
