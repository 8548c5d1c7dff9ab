"""Harness versions as git commits, in a bare repository with no work tree. Imports nothing of ours."""
