"""What a run is doing, how far it is, and how long it will take: from its events alone.

Imports `engine.core` and `engine.events`. Never in it: a clock, or words for the screen.
"""
