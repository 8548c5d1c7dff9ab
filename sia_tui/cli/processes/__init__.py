"""The processes of sia: how each begins, an engine in one of its own, the app for browsers.

Imports `engine.errors` at most. Never in it: what a command prints.
"""
