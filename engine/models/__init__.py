"""Language models behind one protocol: one file a backend.

Imports settings, keys and errors. Never in it: a log, a budget, or a heavy library outside its backend.
"""
