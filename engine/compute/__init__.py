"""What kernels run on, and how long they take there.

Imports errors and `domains/{contract,atomic,cache}.py`. Never in it: torch, except in the process that measures.
"""
