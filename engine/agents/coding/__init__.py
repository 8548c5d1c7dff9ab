"""Agents that are coding agents of the user: a client in a folder, whose files are read when it has ended.

Imports `agents.protocol`, `agents.decisions` and parts of `agents.language`. Never in it: a process or a path.
"""
