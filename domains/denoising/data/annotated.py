"""An AnnData, the usual file of single cells (`.h5ad`): its raw counts, labels and donors."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from domains.contract import DataInvalid, DataMissing
from domains.denoising.data.counts import Counts, are_counts

LABELS = ("celltype", "cell_type", "label", "labels", "cell_ontology_class")
DONORS = ("donor", "donor_id", "individual", "mouse.id", "sample", "batch")
_LAYER = "counts"


def readable() -> None:
    """Raises `DataMissing` if no reader of `.h5ad` files is installed."""
    if importlib.util.find_spec("anndata") is None:
        raise DataMissing(".h5ad files are read with anndata: `pip install 'sia-tui[denoising]'`, or give an .npz.")


def read(path: Path) -> Counts:
    """The counts of an `.h5ad` file; raises `DataMissing` or `DataInvalid`."""
    readable()
    return from_annotated(path.stem, load(path))


def load(path: Path) -> Any:
    """The AnnData in `path`; raises `DataInvalid`."""
    import anndata

    try:
        file = anndata.read_h5ad(path)
        for _, matrix, _ in _matrices(file):
            if hasattr(matrix, "check_format"):
                matrix.check_format(full_check=True)  # scipy would follow an index out of the matrix
    except Exception as error:  # its own errors, those of h5py, and those of what it finds in the file
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise DataInvalid(
            f"{path} cannot be read as .h5ad by anndata {metadata.version('anndata')} ({reason[:200].rstrip('.')}): "
            "obtain it again, or write it with this version."
        ) from None
    return file


def from_annotated(name: str, file: Any) -> Counts:
    """The counts of an AnnData: the first of its matrices that holds counts; raises `DataInvalid` if none does.

    They are looked for in the layer `counts`, in `raw`, in `X`, and in the other layers.
    """
    seen: list[str] = []
    for source, matrix, genes in _matrices(file):
        values = matrix if isinstance(matrix, np.ndarray) else matrix.data
        if are_counts(values) and values.any():
            known = {column: tuple(map(str, file.obs[column])) for column in (*LABELS, *DONORS) if column in file.obs}
            return Counts(
                name,
                # scipy has no sparse matrices of float16
                matrix.astype(np.float32) if matrix.dtype == np.float16 else matrix,
                tuple(map(str, file.obs_names)),
                tuple(map(str, genes)),
                next((known[column] for column in LABELS if column in known), None),
                next((known[column] for column in DONORS if column in known), None),
                source=source,
            )
        seen.append(source)
    where = f"in {', '.join(seen)}" if seen else "at all: it has no X, no raw and no layers"
    raise DataInvalid(f"{name} holds no counts {where}: give the raw molecule counts.")


def _matrices(file: Any) -> Iterator[tuple[str, Any, Any]]:
    """Where counts may lie, the likeliest first: what it is called, the matrix, the names of its genes."""
    if _LAYER in file.layers:
        yield f"the layer {_LAYER}", file.layers[_LAYER], file.var_names
    if file.raw is not None:
        yield "raw", file.raw.X, file.raw.var_names
    if file.X is not None:
        yield "X", file.X, file.var_names
    for layer in sorted(set(file.layers) - {_LAYER}):
        yield f"the layer {layer}", file.layers[layer], file.var_names
