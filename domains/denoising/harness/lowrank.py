"""The leading singular vectors of a sparse matrix (Halko, Martinsson and Tropp, 2011), and what they say of it."""

import numpy as np
import transform

MORE = 10
ROUNDS = 4


def decompose(matrix, components, rng):
    """`(left * values, right)` of at most `components` vectors; `matrix` is about their product."""
    components = min(components, min(matrix.shape) - 1)
    draw = np.random.default_rng(rng.getrandbits(64))
    basis = matrix @ draw.standard_normal((matrix.shape[1], min(components + MORE, *matrix.shape)), dtype=np.float32)
    for _ in range(ROUNDS):
        basis, _ = np.linalg.qr(matrix @ (matrix.T @ np.linalg.qr(basis)[0]))
    basis, _ = np.linalg.qr(basis)
    left, values, right = np.linalg.svd((matrix.T @ basis).T, full_matrices=False)
    return (basis @ left[:, :components]) * values[:components], right[:components]


def estimate(embedded, name):
    """The low-rank matrix in units of expression, dense float32; rows are not scaled."""
    scores, loadings = embedded
    return transform.backward((scores @ loadings).astype(np.float32, copy=False), name)
