"""The code that runs inside a sandbox. Only this folder of ours is bound into it, as a separate package.

Imports the standard library, msgspec and itself. Never in it: anything of the engine, a secret, or trust in what a
harness can change.
"""
