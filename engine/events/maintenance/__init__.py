"""What works on a whole log rather than on one run: its integrity is checked, runs are merged in, waste is removed.

Imports the rest of `engine.events`, which imports nothing of it. Never in it: an append to a run.
"""
