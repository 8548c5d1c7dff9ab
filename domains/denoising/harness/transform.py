"""Variance-stabilising transforms that keep zeros zero, and their inverses.

They act on counts scaled to `TARGET` a cell, and are taken of what is above zero only: sparse stays sparse.
"""

import numpy as np

TARGET = 1e4
SHIFT = np.sqrt(3 / 8)


def rates(counts):
    """Counts as shares of their cell's total, and the totals."""
    totals = np.asarray(counts.sum(axis=1)).ravel()
    totals[totals == 0] = 1
    shares = counts.copy()
    shares.data = shares.data / np.repeat(totals, np.diff(counts.indptr))
    return shares, totals


def forward(shares, name):
    """The transformed matrix."""
    made = shares.copy()
    values = made.data * TARGET
    if name == "sqrt":
        made.data = np.sqrt(values)
    elif name == "log":
        made.data = np.log1p(values)
    elif name == "anscombe":
        made.data = 2 * (np.sqrt(values + 3 / 8) - SHIFT)
    else:
        made.data = np.sqrt(values) + np.sqrt(values + 1) - 1
    return made


def backward(values, name):
    """Undoes `forward` in place on a dense matrix, up to the scale of its rows."""
    np.maximum(values, 0, out=values)
    if name == "sqrt":
        np.square(values, out=values)
    elif name == "log":
        np.expm1(values, out=values)
    elif name == "anscombe":
        values /= 2
        values += SHIFT
        np.square(values, out=values)
        values -= 3 / 8
    else:
        values += 1
        values -= 1 / values
        values /= 2
        np.square(values, out=values)
    return values
