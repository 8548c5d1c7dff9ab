"""Reading counts, cutting them into splits of disjoint cells, and thinning them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from domains.contract import SPLITS, DataInvalid, DataMissing
from domains.denoising.data import cut as cuts
from domains.denoising.data.counts import Counts, check
from domains.denoising.data.cut import cut
from domains.denoising.data.files import read
from domains.denoising.data.simulator import simulate
from domains.denoising.data.thinning import DECOYS, thin
from domains.denoising.domain import Denoising, load
from tests.unit.domains.denoising.counting import ABSENT, PANCREAS, small


def save(path: Path, counts: Counts, **changes: object) -> Path:
    matrix = counts.matrix
    parts = {"data": matrix.data, "indices": matrix.indices, "indptr": matrix.indptr, "shape": matrix.shape}
    np.savez(path, **(parts | {"cells": np.array(counts.cells), "label": np.array(counts.labels)} | changes))
    return path


def test_an_npz_comes_back_as_it_was(tmp_path: Path) -> None:
    counts = check(small())
    found = read(save(tmp_path / "some.npz", counts))
    assert (found.matrix != counts.matrix).nnz == 0
    assert (found.cells, found.labels, found.name) == (counts.cells, counts.labels, "some")
    assert found.genes[:2] == ("column 0", "column 1")
    named = read(save(tmp_path / "some.npz", counts, genes=np.array(counts.genes)))
    assert named.genes == counts.genes
    assert named.key() == found.key()


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"data": np.array([0.5])}, "CSR parts"),
        ({"cells": np.array(["one"])}, "another number of cells"),
        ({"genes": np.array(["one"])}, "another number of genes"),
        ({"shape": (3, 4)}, "CSR parts"),
        ({"indptr": np.array([0])}, "CSR parts"),
    ],
)
def test_what_is_no_matrix_of_counts_is_refused_with_the_reason(
    tmp_path: Path, changes: dict[str, object], why: str
) -> None:
    with pytest.raises(DataInvalid, match=why):
        read(save(tmp_path / "bad.npz", small(), **changes))


@pytest.mark.parametrize("value", [0.5, -1.0, np.nan, np.inf])
def test_values_that_are_no_counts_are_refused(value: float) -> None:
    counts = small()
    matrix = counts.matrix.astype(float)
    matrix.data[7] = value
    with pytest.raises(DataInvalid, match="no counts"):
        check(counts._replace(matrix=matrix))


def test_too_few_cells_are_refused() -> None:
    with pytest.raises(DataInvalid, match="at least 60"):
        check(small(cells=40))


def test_a_path_that_does_not_exist_says_what_may_be_named() -> None:
    with pytest.raises(DataMissing, match="pancreas, pbmc, tabula"):
        load(Path("nowhere.npz"))


def test_a_simulation_follows_from_its_seed_and_is_labelled() -> None:
    assert small().key() == small().key() != small(seed=4).key()
    assert small().simulated and "simulated" in small().name
    counts = simulate(cells=600, genes=500)
    totals = np.asarray(counts.matrix.sum(axis=1)).ravel()
    assert 3000 < np.median(totals) < 5500
    assert 0.01 < counts.labels.count("type 5") / 600 < 0.08  # type: ignore[union-attr]


def test_splits_are_disjoint_in_cells_and_in_donors() -> None:
    counts = check(small(cells=150))
    found = cut(counts)
    cells = {split: {row for block in found[split] for row in block} for split in SPLITS}
    assert sorted(row for rows in cells.values() for row in rows) == list(range(len(counts.cells)))
    assert counts.donors
    donors = {split: {counts.donors[row] for row in rows} for split, rows in cells.items()}
    assert not (donors["train"] & donors["val"] or donors["val"] & donors["test"] or donors["train"] & donors["test"])


def test_the_cut_does_not_depend_on_the_order_of_cells() -> None:
    counts = check(small())._replace(donors=None)
    turned = counts._replace(
        matrix=counts.matrix[::-1], cells=counts.cells[::-1], labels=counts.labels and counts.labels[::-1]
    )

    def names(of: Counts) -> dict[str, set[str]]:
        return {split: {of.cells[row] for block in blocks for row in block} for split, blocks in cut(of).items()}

    assert names(counts) == names(turned)


def test_many_cells_are_dealt_into_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuts, "MOST_CELLS", 12)
    counts = check(small())
    assert max(len(block) for blocks in cut(counts).values() for block in blocks) <= 12
    domain = Denoising(counts)
    assert 10 <= len(domain.instances("val")) <= 12


def test_a_thinning_and_what_it_holds_out_add_up_and_decoys_count_nowhere() -> None:
    counts = check(small(cells=200)).matrix * 50  # so that no gene is lost
    found = thin(counts, key="s", name="a")
    assert found.shown.shape[1] == counts.shape[1] + DECOYS
    assert not set(found.genes) & set(found.decoys)
    assert sorted((found.train + found.held_out).sum(axis=0).A1) == sorted(counts.sum(axis=0).A1)
    assert ((found.train + found.held_out).sum(axis=1) == counts.sum(axis=1)).all()
    assert found.train.sum() / counts.sum() == pytest.approx(0.9, abs=0.01)
    columns = {tuple(np.sort(column)) for column in found.train.toarray().T}
    assert all(tuple(np.sort(decoy)) in columns for decoy in found.shown[:, found.decoys].toarray().T)
    assert (found.train + found.held_out != counts[:, found.columns]).nnz == 0


def test_thinnings_differ_by_name_and_by_secret() -> None:
    counts = check(small()).matrix
    keys = {thin(counts, key=key, name=name).key() for key in "st" for name in "ab"}
    assert len(keys) == 4
    assert thin(counts, key="s", name="a").key() in keys


@pytest.mark.skipif(not PANCREAS.exists(), reason=ABSENT)
def test_the_pancreas_is_cut_by_donor() -> None:
    counts = read(PANCREAS)
    assert counts.matrix.shape[0] == 350
    assert counts.donors
    sizes = {split: sum(map(len, blocks)) for split, blocks in cut(counts).items()}
    assert sizes == {"train": 116, "val": 124, "test": 110}
