"""The acceptance test of what only a GPU can show: kernels, training and serving, in one report."""
