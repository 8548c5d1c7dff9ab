"""Uses a candidate outside its run: checkout folder, its runner, `apply`, and plots of answers.

Imports evaluation, run, core, grading, weights, models, sandbox, events, harness_repo and below. Never in it: anything
that writes to a log.
"""
