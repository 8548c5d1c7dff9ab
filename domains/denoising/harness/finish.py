"""The last touches, in place on a dense matrix: clipped, and with sums as they were shown."""

import numpy as np


def clip(made, least):
    """Sets what is below `least` to zero, unless nothing of the cell would be left."""
    small = made < least
    small[made.max(axis=1) < least] = False
    made[small] = 0


def rescale_genes(made, counts, scaling):
    """Brings the sums of genes back to those of `counts` where `scaling` names them."""
    if scaling == "genes and cells":
        made *= _factors(counts.sum(axis=0), made.sum(axis=0, dtype=np.float64))


def rescale(made, counts):
    """Brings the sums of cells back to those of `counts`."""
    made *= _factors(counts.sum(axis=1), made.sum(axis=1, dtype=np.float64))[:, None]


def shares(made):
    """Rows that sum to one."""
    made /= np.maximum(made.sum(axis=1, keepdims=True), 1e-12)
    return made


def _factors(wanted, got):
    wanted = np.asarray(wanted, dtype=np.float64).ravel()
    return np.divide(wanted, got, out=np.ones_like(got), where=got > 0).astype(np.float32)
