"""A 10x folder: a Matrix Market file of genes x cells beside the names of both.

`matrix.mtx`, `barcodes.tsv`, and `features.tsv` or `genes.tsv`, each gzipped or not; all may begin with one prefix, as
files from GEO do. Features have one to three columns: id, name, type; where types are given, only genes count.
"""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

from scipy import io, sparse

from domains.contract import DataInvalid
from domains.denoising.data.counts import Counts

_MATRIX = "matrix.mtx"
_GENE = "Gene Expression"


def read(folder: Path) -> Counts:
    """The counts of a 10x folder; raises `DataInvalid`."""
    matrix_file = _find_matrix(folder)
    prefix = matrix_file.name[: matrix_file.name.rindex(_MATRIX)]
    try:
        cells = [line.strip() for line in _lines(_beside(folder, prefix, "barcodes.tsv"))]
        features = [line.split("\t") for line in _lines(_beside(folder, prefix, "features.tsv", "genes.tsv"))]
        matrix = io.mmread(matrix_file)
    except (OSError, ValueError, EOFError, OverflowError, MemoryError, zlib.error) as error:
        raise DataInvalid(f"{folder} is not a 10x folder that can be read ({error}): obtain it again.") from None
    if matrix.shape != (len(features), len(cells)):
        raise DataInvalid(
            f"{matrix_file} has {matrix.shape[0]} rows and {matrix.shape[1]} columns, but there are {len(features)} "
            f"features and {len(cells)} barcodes beside it: write it with a row for each feature."
        )
    counts = sparse.csr_matrix(matrix.T)
    types = [columns[2].strip() if len(columns) > 2 else "" for columns in features]
    genes = [place for place, kind in enumerate(types) if kind == _GENE] or list(range(len(features)))
    names = tuple((features[place] + features[place])[1].strip() for place in genes)  # the id, where there is no name
    return Counts(folder.name, counts[:, genes], tuple(cells), names)


def _find_matrix(folder: Path) -> Path:
    """The only matrix in `folder`."""
    pattern = f"*{_MATRIX}"
    found = sorted([*folder.glob(pattern), *folder.glob(f"{pattern}.gz")])
    if len(found) == 1:
        return found[0]
    if found:
        raise DataInvalid(f"{folder} holds {len(found)} matrices, {found[0].name} first: give a folder to each.")
    inside = sorted([*folder.rglob(pattern), *folder.rglob(f"{pattern}.gz")])
    remedy = f"name {inside[0].parent}" if inside else "give --data an .npz, an .h5ad or a 10x folder"
    raise DataInvalid(f"{folder} holds no {_MATRIX}, gzipped or not: {remedy}.")


def _beside(folder: Path, prefix: str, *names: str) -> Path:
    for name in names:
        for file in (folder / f"{prefix}{name}", folder / f"{prefix}{name}.gz"):
            if file.is_file():
                return file
    raise DataInvalid(f"{folder} holds no {prefix}{f' or {prefix}'.join(names)}, gzipped or not: put it there.")


def _lines(file: Path) -> list[str]:
    """The lines with text; only line feeds end them."""
    content = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    return [line.rstrip("\r") for line in content.decode("utf-8-sig", "replace").split("\n") if line.strip()]
