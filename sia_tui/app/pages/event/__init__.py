"""Pages about an event, and about the model calls and tool calls among them.

Imports what `pages` imports, and the pages about what an event is about. Never in it: Textual.
"""
