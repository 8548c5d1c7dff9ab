"""Tasks that were written for other tools, as domains: recognised, copied into the cache, and never changed."""
