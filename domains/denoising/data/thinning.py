"""A thinning: each molecule of a cell is shown with probability 0.9, and held out otherwise.

Molecular cross-validation (Batson et al., 2019): `shown ~ Binomial(counts, 0.9)`, `held_out = counts - shown`; genes
without shown molecules are left out of both. `DECOYS` decoy genes are mixed in: real genes with their counts shuffled
over the cells, so that any correlation they gain by denoising is spurious. A harness cannot recognise them, and no
score counts them.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import numpy as np
from scipy import sparse

from domains.denoising.data.counts import Csr

SHARE = 0.9
DECOYS = 64


class Thinning(NamedTuple):
    """`shown` has all columns; `genes` and `decoys` say which are which; `held_out` has the columns of `genes`.

    `columns` says which columns of the counts they were.
    """

    shown: Csr
    held_out: Csr
    genes: np.ndarray
    decoys: np.ndarray
    columns: np.ndarray

    @property
    def train(self) -> Csr:
        """The shown counts of the real genes."""
        return self.shown[:, self.genes]

    def key(self) -> str:
        """SHA-256 over what is shown and what is held out."""
        total = hashlib.sha256()
        for matrix in (self.shown, self.held_out):
            for part in (matrix.data, matrix.indices, matrix.indptr):
                total.update(part.astype("<i8").tobytes())
        return total.hexdigest()


def thin(counts: Csr, *, key: str, name: str) -> Thinning:
    """The thinning called `name`.

    Its randomness depends on `key`, a digest of the whole matrix, so nobody can recompute the held-out counts from a
    thinning and this code.
    """
    rng = np.random.default_rng(int.from_bytes(hashlib.sha256(f"{key}/{name}".encode()).digest(), "big"))
    shown, held_out = counts.copy(), counts.copy()
    shown.data = rng.binomial(counts.data, SHARE).astype(counts.dtype)
    held_out.data = counts.data - shown.data
    seen = np.flatnonzero(np.asarray(shown.sum(axis=0)).ravel() > 0)
    shown, held_out = shown[:, seen], held_out[:, seen]
    shown.eliminate_zeros()
    held_out.eliminate_zeros()
    decoys = _decoys(shown, rng)
    order = rng.permutation(len(seen) + decoys.shape[1])
    place = np.argsort(order)
    mixed = sparse.csr_matrix(sparse.hstack([shown, decoys], format="csc")[:, order])
    mixed.sort_indices()
    # the order of `held_out` follows that of the genes among the columns shown
    genes = np.sort(place[: len(seen)])
    columns = order[genes]
    return Thinning(mixed, held_out[:, columns], genes, np.sort(place[len(seen) :]), seen[columns])


def _decoys(shown: Csr, rng: np.random.Generator) -> Csr:
    """Genes of the upper half by number of cells, each with its counts shuffled."""
    columns = shown.tocsc()
    spread = np.diff(columns.indptr)
    common = np.flatnonzero(spread >= np.median(spread))
    chosen = columns[:, rng.choice(common, min(DECOYS, len(common)), replace=False)].toarray()
    return sparse.csc_matrix(rng.permuted(chosen, axis=0))
