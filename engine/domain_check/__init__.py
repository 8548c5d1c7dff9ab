"""Creates domains from templates, and checks a domain before a run is spent on it.

Imports checkout, evaluation, run, core, grading, models, sandbox, events, harness_repo and below. Never in it: anything
that writes to a log, or a label in a message.
"""
