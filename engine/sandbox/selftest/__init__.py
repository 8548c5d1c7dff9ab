"""How well a sandbox isolates on this machine: harnesses that look and attack from inside.

Imports all of the sandbox. Never in it: what a run needs to execute a harness.
"""
