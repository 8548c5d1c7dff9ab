"""One live run: its state and how to append to it; ledger, git refs, workspace, models, domain session.

Imports core, agents, grading, models, sandbox, events, trust, user_settings, harness_repo and below. Never in it: a
decision, or what a step does.
"""
