"""Charts of a run as data, and as SVG.

Imports the engine. Never in it: a terminal, or a library that draws.
"""
