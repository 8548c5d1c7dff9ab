"""From a harness to graded answers: sandbox, model broker, judge, verifier noise.

Imports core, grading, importers, models, sandbox, events, harness_repo and below. Never in it: the log of a run, or
what a run decides.
"""
