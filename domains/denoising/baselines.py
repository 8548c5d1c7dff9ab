"""Baselines: known methods, each applied to one matrix alone. Results are reported beside theirs.

All are computed here, none is quoted. Each takes the shown counts and returns a dense float32 matrix in their units.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from scipy import sparse

from domains.denoising.data.counts import Csr
from domains.denoising.magic_client import Magic

Method = Callable[[Csr], np.ndarray]
COMPONENTS = 20
DIFFUSION = "diffusion (ours, not MAGIC)"
MAGIC = "MAGIC"


def methods(magic: Magic | None) -> Mapping[str, Method]:
    """Every available method by name; those of MAGIC if it is installed."""
    found: dict[str, Method] = {
        "no denoising": lambda counts: counts.toarray().astype(np.float32),
        "all zeros": lambda counts: np.zeros(counts.shape, dtype=np.float32),
        "gene mean": gene_mean,
        "kNN smoothing": smoothing,
        "truncated SVD": truncated,
        "ALRA": alra,
        DIFFUSION: diffusion,
    }
    if magic is not None:
        found |= {
            MAGIC: magic,
            "MAGIC, approximate": lambda counts: magic(counts, solver="approximate"),
            "MAGIC, reversed": lambda counts: magic(counts, reversed_order=True),
            "MAGIC, cells' sums kept": lambda counts: to_totals(magic(counts).copy(), counts),
        }
    return found


def gene_mean(counts: Csr) -> np.ndarray:
    """Every cell is the mean profile at its own library size."""
    profile = np.asarray(counts.sum(axis=0)).ravel() / counts.sum()
    return np.outer(_totals(counts), profile).astype(np.float32)


def truncated(counts: Csr) -> np.ndarray:
    """Truncated SVD of square roots of library-normalised counts, squared."""
    left, right = _decompose(np.sqrt(_shares(counts)), COMPONENTS)
    return to_totals(np.square(np.maximum(left @ right, 0)), counts)


def smoothing(counts: Csr) -> np.ndarray:
    """kNN smoothing (Wagner et al., 2017): neighbourhoods of 1, 3, 7, 15 cells, found anew on what is smoothed."""
    made = known = counts.toarray().astype(np.float32)
    for number in (4, 8, 16):
        stable = made * (1e4 / np.maximum(made.sum(axis=1, keepdims=True), 1e-9))
        stable = np.sqrt(stable) + np.sqrt(stable + 1) - 1
        walk = _nearest(_decompose(stable, 10)[0], min(number, counts.shape[0]))
        made = walk.astype(np.float32) @ known
    return to_totals(made, counts)


def diffusion(counts: Csr) -> np.ndarray:
    """Three steps of a walk over 15 nearest cells, applied to library-normalised counts."""
    shares = _shares(counts)
    walk = _nearest(_decompose(np.sqrt(shares), COMPONENTS)[0], min(15, counts.shape[0]))
    walk = 0.5 * (walk + sparse.diags_array(np.ones(counts.shape[0])))
    return to_totals((walk @ (walk @ (walk @ shares).toarray())).astype(np.float32), counts)


def alra(counts: Csr) -> np.ndarray:
    """ALRA (Linderman et al., 2022): low rank in logarithms, cut off a gene at a time, brought back to its spread."""
    logs = _shares(counts)
    logs.data = np.log1p(logs.data * 1e4)
    left, right = _decompose(logs, COMPONENTS)
    made = left @ right
    made[made <= np.abs(made.min(axis=0))] = 0
    known = logs.toarray().astype(np.float32)
    (mean, spread), (known_mean, known_spread) = _positive_moments(made), _positive_moments(known)
    fits = (spread > 0) & (known_spread > 0)
    scale = np.divide(known_spread, spread, out=np.ones_like(known_spread), where=fits)
    moved = (made - mean) * scale + known_mean
    made = np.where((made > 0) & fits, moved, made)
    made = np.where((made <= 0) & (known > 0), known, np.maximum(made, 0))
    return to_totals(np.expm1(made).astype(np.float32), counts)


def _positive_moments(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of the positive values of each column."""
    number = np.maximum((matrix > 0).sum(axis=0), 1)
    mean = np.where(matrix > 0, matrix, 0).sum(axis=0) / number
    return mean, np.sqrt(np.where(matrix > 0, np.square(matrix - mean), 0).sum(axis=0) / number)


def to_totals(made: np.ndarray, counts: Csr) -> np.ndarray:
    """`made` with every row scaled to its cell's sum in `counts`."""
    got = made.sum(axis=1, dtype=np.float64)
    made *= np.divide(_totals(counts), got, out=np.zeros_like(got), where=got > 0)[:, None].astype(made.dtype)
    return np.asarray(made, dtype=np.float32)


def _totals(counts: Csr) -> np.ndarray:
    return np.asarray(counts.sum(axis=1), dtype=np.float64).ravel()


def _shares(counts: Csr) -> Csr:
    totals = _totals(counts)
    totals[totals == 0] = 1
    shares = counts.astype(np.float64)
    shares.data /= np.repeat(totals, np.diff(counts.indptr))
    return shares


def _decompose(matrix: Csr, components: int) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.utils.extmath import randomized_svd

    left, values, right = randomized_svd(matrix, min(components, min(matrix.shape) - 1), random_state=0)
    return np.asarray(left * values, dtype=np.float32), np.asarray(right, dtype=np.float32)


def _nearest(points: np.ndarray, number: int) -> Csr:
    from sklearn.neighbors import kneighbors_graph

    graph = kneighbors_graph(points, number - 1, include_self=False) + sparse.diags_array(np.ones(len(points)))
    return sparse.csr_matrix(graph / number)
