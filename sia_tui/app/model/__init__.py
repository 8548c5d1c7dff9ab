"""What the app reads from a log, without a screen: sources, runs, snapshots, the event filter and its search.

Imports `sia_tui.cli.recording` and the engine. The event filter builds a condition in SQL, which the engine's reader
sends. Never in it: Textual, rows of text, or where the user is.
"""
