"""Uses a candidate outside its run: checkout folder, its runner, `apply`, and plots of answers.

Imports steps, evaluation, run and below. Never in it: anything that writes to a log.
"""
