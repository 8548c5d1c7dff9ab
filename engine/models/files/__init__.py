"""Model files in the cache: fetched, converted, and named by content.

Never in it: a model at work.
"""
