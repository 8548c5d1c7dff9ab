"""Tasks with a verifier.

A domain imports nothing of ours but `domains.contract`. Never in one: anything of another domain, or of the engine.
"""
