"""Pages that compare two candidates or two runs.

Imports what `pages` imports. Never in it: how a comparison is computed, which is in `engine.queries`.
"""
