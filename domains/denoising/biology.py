"""Biological measures of a denoised matrix. They are reported beside the score and do not affect it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

COMPONENTS = 20
NEAREST = 5
RARE = 0.1
FEWEST = 5


def invented_correlation(matrix: np.ndarray) -> float:
    """The mean absolute correlation among genes (columns) with shuffled counts; by chance it is 0.8/sqrt(cells)."""
    logs = np.log1p(matrix.astype(np.float64))
    logs = logs[:, logs.std(axis=0) > 0]
    if logs.shape[1] < 2:
        return 0.0
    found = np.abs(np.corrcoef(logs, rowvar=False))
    return float((found.sum() - np.trace(found)) / (found.size - len(found)))


def structure(matrix: Any, labels: Sequence[str]) -> Mapping[str, float]:
    """Agreement of clusters with `labels` (adjusted Rand index), and the share of the rarest label near itself."""
    from sklearn.cluster import KMeans
    from sklearn.metrics import adjusted_rand_score
    from sklearn.neighbors import NearestNeighbors

    points = embed(matrix)
    kinds = Counter(labels)
    clusters = KMeans(len(kinds), n_init=4, random_state=0).fit_predict(points)
    found = {"cluster agreement (ARI)": float(adjusted_rand_score(labels, clusters))}
    rare = min(kinds, key=lambda kind: (kinds[kind], kind))
    if FEWEST <= kinds[rare] <= RARE * len(labels):
        own = np.array([label == rare for label in labels])
        _, near = NearestNeighbors(n_neighbors=min(NEAREST, kinds[rare] - 1) + 1).fit(points).kneighbors(points[own])
        found["rare type among its own"] = float(own[near[:, 1:]].mean())
    return found


def embed(matrix: Any) -> np.ndarray:
    """Leading principal components of log-normalised expression, cells x components."""
    from sklearn.decomposition import PCA

    dense = np.asarray(matrix if isinstance(matrix, np.ndarray) else matrix.toarray(), dtype=np.float32)
    totals = dense.sum(axis=1, keepdims=True)
    totals[totals == 0] = 1
    logs = np.log1p(dense / totals * 1e4)
    components = min(COMPONENTS, min(logs.shape) - 1)
    return np.asarray(PCA(components, svd_solver="randomized", random_state=0).fit_transform(logs))
