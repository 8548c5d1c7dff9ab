"""What kernels run on, and how long they take there.

Imports the domain contract and errors. Never in it: torch, but in the process that measures.
"""
