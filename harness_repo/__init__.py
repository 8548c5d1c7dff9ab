"""Harness versions as git commits, in a bare repository with no work tree.

Imports nothing of ours. Never in it: a clock or a machine in what becomes a commit id.
"""
