"""Cells that resemble each other: who they are, and means over them."""

import numpy as np
from scipy import sparse

CHUNK = 512


def average(embedded, number):
    """A sparse matrix that takes the mean over each cell's `number` nearest cells, itself among them."""
    points = embedded[0]
    cells = len(points)
    number = min(number, cells)
    lengths = np.square(points).sum(axis=1)
    nearest = np.empty((cells, number), dtype=np.int64)
    for start in range(0, cells, CHUNK):
        rows = slice(start, start + CHUNK)
        distance = lengths[None] - 2 * points[rows] @ points.T
        distance[np.arange(distance.shape[0]), np.arange(start, start + distance.shape[0])] = -np.inf
        nearest[rows] = np.argpartition(distance, number - 1, axis=1)[:, :number]
    weights = np.full(nearest.size, 1 / number, dtype=np.float32)
    return sparse.csr_matrix((weights, nearest.ravel(), np.arange(cells + 1) * number), shape=(cells, cells))


def diffuse(walk, rates, steps):
    """`rates` after `steps` of the walk, dense float32."""
    made = (walk @ rates).toarray()
    for _ in range(steps - 1):
        made = walk @ made
    return made.astype(np.float32, copy=False)
