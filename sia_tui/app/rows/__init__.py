"""Text for the screen as data: rows of toned spans, and the layouts that make them. Never imports Textual."""
