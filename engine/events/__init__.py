"""The log: typed events in a hash chain, in one SQLite file. Imports nothing of ours but the errors, failures and token
counts of `engine`."""
