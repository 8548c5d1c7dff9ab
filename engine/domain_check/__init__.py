"""A domain begun from a template, and examined before a run is spent on it.

Imports loop and below. Never in it: anything that writes to a log, or a label in a message.
"""
