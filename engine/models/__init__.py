"""Language models behind one protocol, one file for each backend; `calling` adds reservation, retries and records.

Imports user_settings, keys, plain, usage and errors; `backends` and `files` also import `domains/*.py`. Never in it: a
log or a budget (`calling` has the protocol `Ledger`, which `engine.run.ledger` implements), or a heavy library outside
its backend.
"""
