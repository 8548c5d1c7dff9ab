"""What the screen shows, as data: rows of text with tones, and the layouts that make them.

Imports `app.model`, cli (names of steps, headlines, output) and the engine's events. Never in it: Textual, markup, or
where the user is.
"""
