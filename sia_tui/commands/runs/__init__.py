"""Start runs, control them, branch from them."""
