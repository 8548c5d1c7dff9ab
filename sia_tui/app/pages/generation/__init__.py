"""Pages about a generation: overview, verdict, Analysis, cases, harness."""
