"""Model files in the cache: downloaded, converted, and named by content.

Imports `models.{protocol,extras}`, errors and `domains/*.py`. Never in it: a loaded model.
"""
