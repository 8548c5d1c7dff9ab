"""LawBench charge prediction: from the facts of a Chinese criminal case to one of 191 charges."""
