"""Runs a domain in its own trusted process, the only one that holds the labels of `val` and `test`.

Imports sandbox, compute, importers and the domain contract. Never in it: a run, or a label in a message.
"""
