"""Language models behind one protocol: one file a backend."""
