"""The step that trains weights: its plan, its rollouts, its monitor.

Imports steps, evaluation, run, core, weights, models, events, harness_repo and below. Never in it: torch, which the
training process alone imports.
"""
