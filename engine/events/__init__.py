"""The log: typed events in a hash chain, in one SQLite file. Imports nothing of ours but `engine.errors`."""
