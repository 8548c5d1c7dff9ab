"""Carrying runs: out of a workspace, into another, and away; and putting back what can be derived."""
