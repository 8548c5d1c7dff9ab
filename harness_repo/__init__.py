"""Harness versions as git commits, in a bare repository with no work tree.

Imports nothing of ours. Never in it: a commit id that depends on a clock or a machine.
"""
