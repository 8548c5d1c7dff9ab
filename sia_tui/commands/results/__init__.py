"""Use what a run produced: test, checkout, apply.

Imports what `commands` imports. Never in it: how answers are made or graded, which is in the engine.
"""
