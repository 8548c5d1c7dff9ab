"""Pages about an instance: its trajectory, and its bisection.

Imports what `pages` imports. Never in it: Textual, or how a figure is computed.
"""
