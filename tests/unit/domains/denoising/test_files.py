"""10x folders and `.npz` files as people have them: each is taken, or refused in one sentence about the file."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from scipy import io, sparse

from domains.contract import DataInvalid
from domains.denoising.data.counts import check
from domains.denoising.data.files import read
from domains.denoising.domain import Denoising
from tests.unit.domains.denoising.counting import small

COUNTS = check(small())

MARKET = b"%%MatrixMarket matrix coordinate integer general\n"


def write(file: Path, text: str, *, gzipped: bool) -> None:
    if gzipped:
        file.with_name(f"{file.name}.gz").write_bytes(gzip.compress(text.encode()))
    else:
        file.write_bytes(text.encode())


def tenx(
    folder: Path, *, gzipped: bool = True, features: str = "features.tsv", columns: int = 3, prefix: str = "", end="\n"
) -> Path:
    """A 10x folder of `COUNTS`."""
    folder.mkdir(parents=True)
    matrix = folder / f"{prefix}matrix.mtx"
    io.mmwrite(matrix, sparse.coo_matrix(COUNTS.matrix.T))
    if gzipped:
        write(matrix, matrix.read_text(), gzipped=True)
        matrix.unlink()
    write(folder / f"{prefix}barcodes.tsv", end.join(COUNTS.cells) + end, gzipped=gzipped)
    rows = [[f"ENSG{name}", name, "Gene Expression"][:columns] for name in COUNTS.genes]
    write(folder / f"{prefix}{features}", end.join("\t".join(row) for row in rows) + end, gzipped=gzipped)
    return folder


@pytest.mark.parametrize("gzipped", [True, False])
@pytest.mark.parametrize("features", ["features.tsv", "genes.tsv"])
@pytest.mark.parametrize("columns", [1, 2, 3])
def test_a_10x_folder_is_read_gzipped_or_not_with_one_to_three_columns(
    tmp_path: Path, gzipped: bool, features: str, columns: int
) -> None:
    found = read(tenx(tmp_path / "x", gzipped=gzipped, features=features, columns=columns))
    assert (found.matrix != COUNTS.matrix).nnz == 0
    assert (found.name, found.cells) == ("x", COUNTS.cells)
    assert found.genes == (COUNTS.genes if columns > 1 else tuple(f"ENSG{name}" for name in COUNTS.genes))


def test_a_prefix_and_line_ends_of_windows_change_nothing(tmp_path: Path) -> None:
    assert read(tenx(tmp_path / "x", prefix="GSM1_", end="\r\n")).key() == read(tenx(tmp_path / "y")).key()


def test_of_typed_features_only_genes_are_read(tmp_path: Path) -> None:
    folder = tenx(tmp_path / "x", gzipped=False)
    lines = (folder / "features.tsv").read_text().splitlines()
    lines[0] = lines[0].replace("Gene Expression", "Antibody Capture")
    (folder / "features.tsv").write_text("\n".join(lines))
    assert read(folder).genes == COUNTS.genes[1:]


@pytest.mark.parametrize(
    ("remove", "why"),
    [
        ("matrix.mtx", "holds no matrix.mtx, gzipped or not: give --data"),
        ("barcodes.tsv", "holds no barcodes.tsv, gzipped or not: put it there"),
        ("features.tsv", "holds no features.tsv or genes.tsv, gzipped or not"),
    ],
)
def test_a_10x_folder_that_lacks_a_file_is_refused_by_its_name(tmp_path: Path, remove: str, why: str) -> None:
    folder = tenx(tmp_path / "x", gzipped=False)
    (folder / remove).unlink()
    with pytest.raises(DataInvalid, match=why):
        read(folder)


def test_the_folder_around_a_10x_folder_names_the_one_inside(tmp_path: Path) -> None:
    inside = tenx(tmp_path / "x" / "filtered_feature_bc_matrix")
    with pytest.raises(DataInvalid, match=f"name {inside}"):
        read(tmp_path / "x")


def test_two_matrices_in_a_folder_are_not_chosen_from(tmp_path: Path) -> None:
    folder = tenx(tmp_path / "x")
    write(folder / "b_matrix.mtx", "", gzipped=False)
    with pytest.raises(DataInvalid, match="holds 2 matrices"):
        read(folder)


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("matrix.mtx.gz", b"no gzip", "can be read"),
        ("matrix.mtx.gz", gzip.compress(b"hello"), "can be read"),
        ("matrix.mtx.gz", gzip.compress(MARKET + b"9 9 99999999999999\n1 1 1\n"), "can be read"),  # no memory
        ("matrix.mtx.gz", gzip.compress(MARKET + b"9 9 1\n1 1 99999999999999999999999\n"), "can be read"),
        ("barcodes.tsv.gz", gzip.compress(b"one\ntwo\n"), "features and 2 barcodes beside it"),
        ("features.tsv.gz", gzip.compress(b"gene\n" * 9)[:-6], "can be read"),
    ],
)
def test_a_10x_folder_with_a_damaged_file_is_refused(tmp_path: Path, name: str, content: bytes, why: str) -> None:
    folder = tenx(tmp_path / "x")
    (folder / name).write_bytes(content)
    with pytest.raises(DataInvalid, match=why):
        read(folder)


@pytest.mark.parametrize("kind", [sparse.csr_matrix, sparse.csc_matrix])
def test_what_scipy_writes_is_read_as_it_was(tmp_path: Path, kind: type) -> None:
    sparse.save_npz(tmp_path / "some.npz", kind(COUNTS.matrix))
    assert (read(tmp_path / "some.npz").matrix != COUNTS.matrix).nnz == 0


def test_an_npz_of_an_absurd_shape_is_refused(tmp_path: Path) -> None:
    """A name was made for each of its columns."""
    parts = {"data": np.ones(1), "indices": np.zeros(1, int), "indptr": np.array([0, 1])}
    np.savez(tmp_path / "some.npz", **parts, shape=np.array([1, 10**12]))
    with pytest.raises(DataInvalid, match=r"is not a matrix of CSR parts .a shape of 1 x 1000000000000"):
        read(tmp_path / "some.npz")


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04 cut"])
def test_an_npz_that_is_none_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "some.npz").write_bytes(content)
    with pytest.raises(DataInvalid, match="is not a matrix of CSR parts"):
        read(tmp_path / "some.npz")


def test_a_count_beyond_what_an_answer_holds_is_refused() -> None:
    matrix = COUNTS.matrix.astype(np.float64)
    matrix.data[0] = 3e9
    with pytest.raises(DataInvalid, match=r"holds a count of 3e\+09"):
        check(COUNTS._replace(matrix=matrix))


def test_donors_that_leave_a_split_with_one_cell_are_refused_with_the_remedy() -> None:
    donors = ("A",) * (len(COUNTS.cells) - 2) + ("B", "C")
    with pytest.raises(DataInvalid, match=r"gives val 1 of its .* cells, .* merge donors, or leave the column"):
        Denoising(COUNTS._replace(donors=donors))


def test_cells_of_one_molecule_are_refused_since_nothing_can_be_held_out() -> None:
    matrix = np.ones((len(COUNTS.cells), 1), dtype=np.int32)
    with pytest.raises(DataInvalid, match="at least 10 a cell are needed"):
        Denoising(COUNTS._replace(matrix=sparse.csr_matrix(matrix), donors=None))
