"""Model files in the cache: downloaded, converted, and named by content.

Never in it: a loaded model.
"""
