"""This machine: models, settings, checks, the app in a browser.

Imports what `commands` imports. Never in it: a start of a run.
"""
