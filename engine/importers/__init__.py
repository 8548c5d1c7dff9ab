"""Turns tasks written for other tools into domains: recognises them and copies them into the cache, unchanged.

Imports models, tree, errors, harness_repo and `domains/*.py`. Never in it: running a task's code outside a sandbox.
"""
