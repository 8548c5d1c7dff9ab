"""Runs as files, and the upkeep of a workspace."""
