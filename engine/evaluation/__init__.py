"""From a harness to graded answers: answering, verifying, judging, and how noisy a verifier is.

Imports core, grading, importers, models, sandbox, events, harness_repo and below. Never in it: the log of a run, or
what a run decides.
"""
