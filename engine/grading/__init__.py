"""The domain in a trusted process of its own: the only place that holds the labels of `val` and `test`.

Imports sandbox, compute, importers and the domain contract. Never in it: a run, or a label in a message.
"""
