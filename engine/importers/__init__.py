"""Turns tasks written for other tools into domains: recognises them and copies them into the cache, unchanged.

Imports models, the sandbox's frames (which a task's code uses inside), domain_files, errors, harness_repo and
`domains/*.py`. Never in it: running a task's code outside a sandbox.
"""
