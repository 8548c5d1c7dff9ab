"""What the screen shows, as data: rows of text with tones, and the layouts that make them.

Imports `sia_tui.app.model`. Never in it: Textual, markup, or where the user is.
"""
