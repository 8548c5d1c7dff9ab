"""The weights lever: LoRA adapters trained on the harness's own calls, in a process of their own.

Imports models and below. Never in it: a run, or torch outside the training process.
"""
