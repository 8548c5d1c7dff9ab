"""Runs a domain in its own trusted process, the only one that holds the labels of `val` and `test`.

Imports sandbox, compute, importers, domain_files, plain, pipes, seeds, errors and `domains/{contract,retry}.py`. Never
in it: a run, or a label in a message.
"""
