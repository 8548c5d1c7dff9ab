"""The last touches, in place on a dense matrix: sharper, clipped, and with sums as they were shown."""

import numpy as np


def sharpen(made, power):
    """Raises to `power`; `rescale` afterwards."""
    if power != 1:
        np.power(made, power, out=made)


def clip(made, least):
    """Sets what is below `least` to zero, unless nothing of the cell would be left."""
    small = made < least
    small[made.max(axis=1) < least] = False
    made[small] = 0


def rescale(made, counts, scaling):
    """Brings sums back to those of `counts`: of genes first where that is wanted, of cells always."""
    if scaling == "genes and cells":
        wanted, got = np.asarray(counts.sum(axis=0)).ravel(), made.sum(axis=0, dtype=np.float64)
        made *= np.divide(wanted, got, out=np.ones_like(got), where=got > 0).astype(np.float32)
    wanted, got = np.asarray(counts.sum(axis=1)).ravel(), made.sum(axis=1, dtype=np.float64)
    made *= np.divide(wanted, got, out=np.zeros_like(got), where=got > 0).astype(np.float32)[:, None]


def shares(made):
    """Rows that sum to one."""
    made /= np.maximum(made.sum(axis=1, keepdims=True), 1e-12)
    return made
