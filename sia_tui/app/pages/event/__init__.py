"""Pages about an event."""
