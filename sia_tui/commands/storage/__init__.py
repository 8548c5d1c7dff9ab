"""Runs as files, and the upkeep of a workspace.

Imports what `commands` imports. Never in it: how a file or a workspace is written, which is in `engine.transfer`.
"""
