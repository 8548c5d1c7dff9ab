"""The paper's six algorithms, each with its formula and its source: what a reward makes of a sample.

Imports nothing of ours. Never in it: a model, an optimiser, or a loop over samples, which are in `weights.learning`.
"""
