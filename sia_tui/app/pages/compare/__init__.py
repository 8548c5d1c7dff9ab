"""Pages that compare two candidates or two runs."""
