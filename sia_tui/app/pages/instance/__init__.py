"""Pages about an instance: its trajectory, and its bisection."""
