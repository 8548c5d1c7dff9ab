"""The full-screen app: a reader of logs that may attach, detach or crash without harm to any run.

Imports cli, the engine and harness_repo. Engines are started through the command line. Never in it: an append to a log,
except that an approval given while no engine is live is appended by `engine.loop.approval`.
"""
