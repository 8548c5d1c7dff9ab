"""A count matrix with the metadata of its cells.

Integer molecule counts, cells x genes. Labels and donors are None if the file has none.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from domains.contract import DataInvalid

Csr = Any
"""A `scipy.sparse.csr_matrix`, cells x genes."""

FEWEST_CELLS = 60
MOST_COUNT = 2**31 - 1
"""Answers hold counts as int32."""


class Counts(NamedTuple):
    """Counts and their metadata; `name` is shown to users and says if the counts are simulated.

    `source` is the matrix that was taken, for a file that may hold several.
    """

    name: str
    matrix: Csr
    cells: tuple[str, ...]
    genes: tuple[str, ...]
    labels: tuple[str, ...] | None = None
    donors: tuple[str, ...] | None = None
    simulated: bool = False
    source: str = ""

    def key(self) -> str:
        """SHA-256 over the counts, the cells' names, labels and donors; gene names appear in plots only."""
        total = hashlib.sha256(repr((self.matrix.shape, self.cells, self.labels, self.donors)).encode())
        for part in (self.matrix.data, self.matrix.indices, self.matrix.indptr):
            total.update(part.astype("<i8").tobytes())
        return total.hexdigest()


def are_counts(values: np.ndarray) -> bool:
    """Whether all values are whole numbers from 0."""
    if values.dtype.kind not in "buif":
        return False
    return bool(np.isfinite(values).all() and (values >= 0).all() and (values == np.floor(values)).all())


def check(counts: Counts) -> Counts:
    """The counts without empty cells and genes; raises `DataInvalid` unless they are counts of enough cells."""
    matrix = sparse.csr_matrix(counts.matrix)
    matrix.sum_duplicates()
    if not are_counts(matrix.data):
        raise DataInvalid(f"{counts.name} holds values that are no counts: give the raw molecule counts.")
    if (most := float(matrix.data.max(initial=0))) > MOST_COUNT:
        raise DataInvalid(f"{counts.name} holds a count of {most:g}: at most {MOST_COUNT:,} molecules are possible.")
    matrix = matrix.astype(np.int32)
    matrix.eliminate_zeros()
    cells = np.flatnonzero(np.diff(matrix.indptr) > 0)
    genes = np.flatnonzero(np.asarray(matrix.sum(axis=0)).ravel() > 0)
    if len(cells) < FEWEST_CELLS:
        raise DataInvalid(f"{counts.name} holds {len(cells)} cells with counts: at least {FEWEST_CELLS} are needed.")
    return counts._replace(
        matrix=matrix[cells][:, genes],
        cells=_of(counts.cells, cells),
        genes=_of(counts.genes, genes),
        labels=counts.labels and _of(counts.labels, cells),
        donors=counts.donors and _of(counts.donors, cells),
    )


def _of(values: Sequence[str], places: Any) -> tuple[str, ...]:
    return tuple(values[place] for place in places)
