"""What changed between candidates and between runs."""
