"""Where the user is: run, generation, event, pages, marks, trail; and which actions are available there.

Imports `app.model`, `app.rows` and the engine's events and queries. Never in it: Textual.
"""
