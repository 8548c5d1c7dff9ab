"""Where the user is: run, generation, event, pages, marks, trail; and which actions are available there.

Imports `sia_tui.app.model` and `sia_tui.app.rows`. Never in it: Textual.
"""
