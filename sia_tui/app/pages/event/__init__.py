"""Pages about an event, and about the model calls and tool calls among them."""
