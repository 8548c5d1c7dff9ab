"""Pages about a generation: overview, verdict, Analysis, cases, harness.

Imports what `pages` imports. Never in it: Textual, or how a figure is computed.
"""
