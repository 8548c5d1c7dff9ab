"""One file for each backend of `engine.models.protocol`, and what backends share.

Imports protocol, faults and below. Never in it: what a run records or pays.
"""
