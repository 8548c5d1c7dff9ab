"""What the app reads from a log, without a screen: sources, runs, snapshots, the event filter and its search.

Imports the engine. Never in it: Textual, rows of text, or where the user is.
"""
