"""Runs out of a workspace, into another, and away: export, import, rebuild, rename, remove, collect.

Imports loop and below. Never in it: an engine at work, or a decision.
"""
