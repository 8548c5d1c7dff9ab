"""Tasks with a verifier. A domain imports nothing of ours but `domains.contract`."""
