"""One file for each backend of `models.protocol`, and what backends share.

Imports `models.{protocol,faults,extras}`, `models.files`, usage, errors and `domains/*.py`. Never in it: what a run
records or pays.
"""
