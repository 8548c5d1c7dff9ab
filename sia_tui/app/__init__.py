"""The full-screen app: a reader of logs that may attach, detach or crash without harm to any run.

Imports cli and the engine. Never in it: an append to a log; engines are started through the command line.
"""
