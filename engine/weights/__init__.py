"""The weights lever: LoRA adapters, trained on the harness's own model calls in a separate process.

Imports models and below. Never in it: a run, or torch outside the training process.
"""
