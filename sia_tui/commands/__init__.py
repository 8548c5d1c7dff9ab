"""The commands of `sia`: a folder for each section of `sia --help`, a file for each command and for what some share.

A command parses its options, calls the engine, and prints. Imports `sia_tui.cli`, the engine and harness_repo; only
`app.py` imports the app. Never in it: a decision about a run, or SQL.
"""
