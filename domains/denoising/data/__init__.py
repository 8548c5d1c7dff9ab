"""Where count matrices come from, and how they become instances: read or downloaded or simulated, cut, thinned.

Imports `domains/*.py` only. Never in it: an answer or a score.
"""
