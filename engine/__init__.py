"""The loop and what it drives: an event log, a pure decision, and steps with effects."""

__version__ = "0.1.0"
