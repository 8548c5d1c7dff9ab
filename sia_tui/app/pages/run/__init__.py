"""Pages about a run: overview, scores, map of instances, training, cost."""
