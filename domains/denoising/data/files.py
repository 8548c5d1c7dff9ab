"""Reads counts from the usual file formats: CSR parts in an `.npz`, an `.h5ad`, a 10x folder."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy import sparse

from domains.contract import DataInvalid
from domains.denoising.data import annotated, tenx
from domains.denoising.data.counts import Counts, check

MOST_ROWS = 100_000_000
"""Rows or columns: a hundred times the largest atlas."""
_LIBRARY = re.compile(r"(.+?)_lib\d+\.")  # inDrop's names: the donor, then the library


def read(path: Path) -> Counts:
    """The counts in `path`: `.npz` (CSR parts), `.h5ad`, or a 10x folder; raises `DataMissing` or `DataInvalid`."""
    if path.is_dir():
        return check(tenx.read(path))
    match path.suffix.lower():
        case ".npz":
            return check(_npz(path))
        case ".h5ad":
            return check(annotated.read(path))
    raise DataInvalid(f"{path} is no count matrix: give --data an .npz, an .h5ad or a 10x folder.")


def _npz(path: Path) -> Counts:
    try:
        with np.load(path, allow_pickle=False) as file:
            parts = (file["data"].astype(np.float64), file["indices"].astype(np.int64), file["indptr"])
            rows, columns = map(int, file["shape"])
            if max(rows, columns) > MOST_ROWS:
                raise ValueError(f"a shape of {rows} x {columns}")
            kind = sparse.csc_matrix if "format" in file and file["format"].item() == b"csc" else sparse.csr_matrix
            stored = kind(parts, shape=(rows, columns))
            stored.check_format(full_check=True)
            matrix = sparse.csr_matrix(stored)
            named = {name: tuple(map(str, file[name])) for name in ("cells", "label", "donor", "genes") if name in file}
    except (OSError, ValueError, KeyError, EOFError, TypeError, MemoryError, zipfile.BadZipFile) as error:
        raise DataInvalid(f"{path} is not a matrix of CSR parts ({error}): see the README of denoising.") from None
    genes = named.pop("genes", None) or tuple(f"column {place}" for place in range(matrix.shape[1]))
    if len(genes) != matrix.shape[1]:
        raise DataInvalid(f"{path} names another number of genes than it has columns: see the README of denoising.")
    cells = named.get("cells") or tuple(map(str, range(matrix.shape[0])))
    if {len(column) for column in (cells, *named.values())} != {matrix.shape[0]}:
        raise DataInvalid(f"{path} names another number of cells than it has rows: see the README of denoising.")
    return Counts(path.stem, matrix, cells, genes, named.get("label"), named.get("donor") or _donors(cells))


def _donors(cells: Sequence[str]) -> tuple[str, ...] | None:
    found = [_LIBRARY.match(cell) for cell in cells]
    return tuple(match[1] for match in found if match) if all(found) else None
