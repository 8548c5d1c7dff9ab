"""One file a backend behind `engine.models.protocol`, and what backends share.

Imports protocol, faults and below. Never in it: what a run remembers or pays.
"""
