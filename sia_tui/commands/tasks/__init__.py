"""Tasks: those that come with sia, and those of the user."""
