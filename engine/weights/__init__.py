"""The weights lever: LoRA adapters trained on the harness's own calls, in a process of their own.

Imports models, pipes, seeds, usage, errors and `domains/atomic.py`. Never in it: a run, or torch outside the training
process.
"""
