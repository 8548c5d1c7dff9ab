"""Tasks: those that come with sia, and those of the user.

Imports what `commands` imports. Never in it: a check of a task, which is in `engine.domain_check`.
"""
