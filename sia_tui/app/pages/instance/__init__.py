"""Pages about an instance."""
