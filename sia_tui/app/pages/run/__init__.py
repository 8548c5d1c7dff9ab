"""Pages about a run: overview, scores, map of instances, training, cost.

Imports what `pages` imports. Never in it: how a figure is computed, which is in `engine.queries` and `engine.core`.
"""
