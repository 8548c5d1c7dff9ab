"""Language models behind one protocol, one file for each backend.

Imports settings, keys and errors. Never in it: a log, a budget, or a heavy library outside its backend.
"""
