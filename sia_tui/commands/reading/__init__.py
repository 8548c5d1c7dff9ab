"""Look at runs. Nothing here writes."""
