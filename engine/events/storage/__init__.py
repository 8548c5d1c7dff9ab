"""The SQLite file below the log: connections, schema and content-addressed blobs.

Imports the errors of `engine`. Never in it: what an event means.
"""
