"""The acceptance test that needs a GPU: kernels, training and serving, in one report.

Imports weights, grading, models, compute and below. Never in it: a run, or its log.
"""
