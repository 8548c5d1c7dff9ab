"""A person writes a domain: a folder to begin with, and an examination of what became of it."""
