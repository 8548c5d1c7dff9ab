"""Denoising of single-cell RNA counts, judged by molecular cross-validation and by a score that cannot be gamed."""
