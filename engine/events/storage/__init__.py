"""The SQLite file below the log: connections, schema and content-addressed blobs.

Imports trust, containment, errors and `domains/atomic.py`. Never in it: what an event means.
"""
