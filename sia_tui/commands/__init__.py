"""The commands of `sia`: a folder for each section of `sia --help`, a file for each command.

A command parses its options, calls the engine, and prints. Imports `sia_tui.cli` and the engine; only `app` opens the
app. Never in it: a decision about a run, or SQL.
"""
