"""Pages about a generation."""
