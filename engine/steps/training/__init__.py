"""The step that trains weights: its plan, its rollouts, its monitor.

Imports run, weights, core and below. Never in it: torch, which the training process alone imports.
"""
