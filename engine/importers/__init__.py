"""Tasks that were written for other tools, as domains: recognised, copied into the cache, and never changed.

Imports models and below. Never in it: code of the task, run outside a sandbox.
"""
