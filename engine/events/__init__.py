"""The log: typed events in a hash chain, in one SQLite file. All SQL of ours stands here.

Imports the errors, failures and token counts of `engine`. Never in it: what a run decides, or how a screen shows it.
"""
