"""Where a run stands, in words: for the status line, the dashboard, plain lines and the terminal's title.

Imports `engine.queries.progress`. Never in it: a screen, a clock, or markup.
"""
