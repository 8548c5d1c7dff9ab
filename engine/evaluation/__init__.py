"""From a harness to graded answers: sandbox, model broker, judge, verifier noise.

Imports core, grading, sandbox, models and below. Never in it: the log of a run, or what a run decides.
"""
