"""Denoising of single-cell RNA counts, scored by molecular cross-validation and a private score that resists gaming."""
