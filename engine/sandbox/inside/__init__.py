"""What runs inside a sandbox: this folder is bound into it, as a package of its own, and nothing else of ours is.

Imports the standard library, msgspec and itself. Never in it: anything of the engine, a secret, or trust in what a
harness has touched.
"""
