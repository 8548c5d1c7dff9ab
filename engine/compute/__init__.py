"""The devices that kernels run on: their ceilings, and paired timing.

Imports the domain contract and errors. Never in it: torch, except in the process that measures.
"""
