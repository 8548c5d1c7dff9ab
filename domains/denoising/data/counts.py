"""A count matrix with the metadata of its cells, read from the usual file formats.

Integer molecule counts, cells x genes. Labels and donors are None if the file has none.
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from domains.contract import DataInvalid, DataMissing

Csr = Any
"""A `scipy.sparse.csr_matrix`, cells x genes."""

LABELS = ("celltype", "cell_type", "label", "labels", "cell_ontology_class")
DONORS = ("donor", "donor_id", "individual", "mouse.id", "sample", "batch")
FEWEST_CELLS = 60
_LIBRARY = re.compile(r"(.+?)_lib\d+\.")  # inDrop's names: the donor, then the library


class Counts(NamedTuple):
    """Counts and their metadata; `name` is shown to users and says if the counts are simulated."""

    name: str
    matrix: Csr
    cells: tuple[str, ...]
    genes: tuple[str, ...]
    labels: tuple[str, ...] | None = None
    donors: tuple[str, ...] | None = None
    simulated: bool = False

    def key(self) -> str:
        """SHA-256 over the counts, the cells' names, labels and donors; gene names appear in plots only."""
        total = hashlib.sha256(repr((self.matrix.shape, self.cells, self.labels, self.donors)).encode())
        for part in (self.matrix.data, self.matrix.indices, self.matrix.indptr):
            total.update(part.astype("<i8").tobytes())
        return total.hexdigest()


def read(path: Path) -> Counts:
    """The counts in `path`: `.npz` (CSR parts), `.h5ad`, or a 10x folder; raises `DataMissing` or `DataInvalid`."""
    if path.is_dir():
        found = _tenx(path)
    elif path.suffix == ".npz":
        found = _npz(path)
    elif path.suffix == ".h5ad":
        found = _h5ad(path)
    else:
        raise DataInvalid(f"{path} is no count matrix: give --data an .npz, an .h5ad or a 10x folder.")
    return check(found)


def readable() -> None:
    """Raises `DataMissing` if no reader of `.h5ad` files is installed."""
    if importlib.util.find_spec("anndata") is None:
        raise _no_extra(".h5ad files")


def check(counts: Counts) -> Counts:
    """The counts without empty cells and genes; raises `DataInvalid` unless they are counts of enough cells."""
    matrix = sparse.csr_matrix(counts.matrix)
    matrix.sum_duplicates()
    values = matrix.data
    if values.size and not (np.isfinite(values).all() and (values >= 0).all() and (values == np.floor(values)).all()):
        raise DataInvalid(f"{counts.name} holds values that are no counts: give the raw molecule counts.")
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


def _npz(path: Path) -> Counts:
    try:
        with np.load(path, allow_pickle=False) as file:
            parts = (file["data"].astype(np.float64), file["indices"].astype(np.int64), file["indptr"])
            matrix = sparse.csr_matrix(parts, shape=tuple(file["shape"]))
            matrix.check_format(full_check=True)
            named = {name: tuple(map(str, file[name])) for name in ("cells", "label", "donor", "genes") if name in file}
    except (OSError, ValueError, KeyError, EOFError) as error:
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


def _h5ad(path: Path) -> Counts:
    try:
        import anndata
    except ImportError:
        raise _no_extra(".h5ad files") from None
    try:
        file = anndata.read_h5ad(path)
    except (OSError, KeyError, ValueError) as error:
        raise DataInvalid(f"{path} cannot be read as .h5ad ({error}): obtain it again.") from None
    return from_annotated(path.stem, file)


def _tenx(path: Path) -> Counts:
    try:
        import scanpy
    except ImportError:
        raise _no_extra("10x folders") from None
    try:
        return from_annotated(path.name, scanpy.read_10x_mtx(path))
    except (OSError, ValueError, KeyError) as error:
        raise DataInvalid(f"{path} is not a 10x folder with matrix, barcodes and features ({error}).") from None


def from_annotated(name: str, file: Any) -> Counts:
    """The counts of an AnnData: from the layer `counts`, else from `raw`, else from `X`."""
    holder = file if "counts" in file.layers or file.raw is None else file.raw
    matrix = file.layers.get("counts", holder.X)
    known = {column: tuple(map(str, file.obs[column])) for column in (*LABELS, *DONORS) if column in file.obs}
    return Counts(
        name,
        matrix,
        tuple(map(str, file.obs_names)),
        tuple(map(str, holder.var_names)),
        next((known[column] for column in LABELS if column in known), None),
        next((known[column] for column in DONORS if column in known), None),
    )


def _no_extra(what: str) -> DataMissing:
    return DataMissing(f"{what} are read with scanpy: `pip install 'sia-tui[denoising]'`, or give an .npz.")
