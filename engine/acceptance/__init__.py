"""The acceptance test of what only a GPU can show: kernels, training and serving, in one report.

Imports weights, grading, models, compute, user_settings, the domain contract and errors. Never in it: a run, or its
log.
"""
