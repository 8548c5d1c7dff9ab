"""A candidate taken away: its folder, its runner, `apply` and pictures of its answers.

Imports steps, evaluation, run and below. Never in it: anything that writes to a log.
"""
