"""Where an agent works in one step: harnesses tried on `train`, and its files with a search and Python in the sandbox.

Imports what `steps` imports. Never in it: an instance of `val` or `test`, or anything known of one.
"""
