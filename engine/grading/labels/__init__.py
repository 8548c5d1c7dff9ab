"""What instances, and what a harness may read, tell of their labels.

Imports the domain contract. Never in it: a label in what is returned.
"""
