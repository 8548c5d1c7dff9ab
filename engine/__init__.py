"""The engine: an event log, a pure decision, and steps with effects. `sia_tui` is its user interface.

Imports `harness_repo` and `domains/*.py`. Never in it: a built-in domain, or anything for a screen.
"""

__version__ = "0.1.0"
