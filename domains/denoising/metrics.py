"""The scores of OpenProblems' denoising task exactly as upstream computes them, and the one that upstream intended.

With T the counts shown and E those held out, D a denoised matrix in the units of T, and y = D * sum(E) / sum(T):

    mse               mean of (log1p(1e4 E/rowsum E) - log1p(1e4 D/rowsum D))^2
    poisson upstream  mean of E - y log(E + 1e-6): the arguments are swapped, so that shrinking to nothing pays
    poisson           mean of y - E log(y + 1e-6): the negative log-likelihood, up to a constant, of E under y

Each is normalised: 0 for D = T (no denoising), 1 for the held-out counts themselves. Upstream scales those counts by
sum(E) / sum(T) as it does any D; the right order takes y = E. Rows are processed in chunks, so memory is linear. E is 0
nearly everywhere, where the summands are simple; logarithms of E and y are computed only elsewhere.
"""

from __future__ import annotations

from math import log
from typing import Any, NamedTuple

import numpy as np

from domains.denoising.data.counts import Csr

TARGET = 1e4
EPSILON = 1e-6
LOG = log(EPSILON)
_CHUNK = 256


class Losses(NamedTuple):
    """Lower is better."""

    mse: float
    poisson_upstream: float
    poisson: float


class Scores(NamedTuple):
    """Higher is better: 0 no denoising, 1 the held-out counts."""

    mse_norm: float
    poisson_norm_upstream: float
    poisson_norm: float


def losses(held_out: Csr, denoised: Any, scale: float) -> Losses:
    """The losses of `denoised` (dense or CSR) where y = `denoised` * `scale`."""
    mse = upstream = true = 0.0
    for start in range(0, held_out.shape[0], _CHUNK):
        expected, given = (matrix[start : start + _CHUNK] for matrix in (held_out, denoised))
        entries = expected.tocoo()
        where, counts = (entries.row, entries.col), entries.data
        y = np.asarray(given[where], dtype=np.float64).ravel() * scale
        total, total_y = float(counts.sum()), float(given.sum(dtype=np.float64)) * scale
        difference = _normalise(given)
        difference[where] -= _normalise(expected)[where]
        mse += float(np.square(difference, out=difference).sum())
        upstream += total - total_y * LOG - float(y @ (np.log(counts + EPSILON) - LOG))
        true += total_y - float(counts @ np.log(y + EPSILON))
    size = held_out.shape[0] * held_out.shape[1]
    return Losses(mse / size, upstream / size, true / size)


class Anchors(NamedTuple):
    """The losses of no denoising and of the held-out counts, and the scale between T and E."""

    none: Losses
    perfect: Losses
    scale: float


def anchors(train: Csr, held_out: Csr) -> Anchors:
    """The values that normalise the scores of one thinning."""
    scale = float(held_out.sum()) / float(train.sum())
    perfect = losses(held_out, held_out, scale)._replace(poisson=losses(held_out, held_out, 1.0).poisson)
    return Anchors(losses(held_out, train, scale), perfect, scale)


def scores(held_out: Csr, denoised: Any, fixed: Anchors) -> Scores:
    """The normalised scores of `denoised`."""
    found = losses(held_out, denoised, fixed.scale)
    return Scores(
        *((none - got) / (none - best) for none, got, best in zip(fixed.none, found, fixed.perfect, strict=True))
    )


def _normalise(rows: Any) -> np.ndarray:
    """The rows of a dense or CSR matrix as logarithms, dense float64."""
    totals = np.asarray(rows.sum(axis=1, dtype=np.float64)).reshape(-1, 1)
    totals[totals == 0] = 1.0  # an empty row stays empty
    if isinstance(rows, np.ndarray):
        made = rows / totals
        made *= TARGET
        return np.asarray(np.log1p(made, out=made))
    made = rows.astype(np.float64)
    made.data = np.log1p(made.data / np.repeat(totals.ravel(), np.diff(made.indptr)) * TARGET)
    return np.asarray(made.toarray())
