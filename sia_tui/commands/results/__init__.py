"""Use what a run produced: test, checkout, apply."""
