"""What the extra brings: files of the field, public sets over a network that breaks, pictures."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from domains.contract import DataInvalid, DataMissing, DataRefused, Picture
from domains.denoising.data import obtain
from domains.denoising.data.counts import check
from domains.denoising.data.files import read
from domains.denoising.domain import Denoising
from tests.fakes.file_server import FileServer
from tests.fakes.package_index import BreaksOff, Trouble
from tests.unit.domains.denoising.counting import small, solve

anndata = pytest.importorskip("anndata", reason="needs pip install 'sia-tui[denoising]'")


def h5ad(path: Path, **obs: Any) -> Path:
    counts = small()
    file = anndata.AnnData(X=np.log1p(counts.matrix.astype(np.float32)), layers={"counts": counts.matrix})
    file.obs_names, file.var_names = list(counts.cells), list(counts.genes)
    file.obs["celltype"], file.obs["donor"] = list(counts.labels or ()), list(counts.donors or ())
    for name, values in obs.items():
        file.obs[name] = values
    file.write_h5ad(path)
    return path


def test_an_h5ad_gives_the_layer_of_counts_with_labels_and_donors(tmp_path: Path) -> None:
    found = read(h5ad(tmp_path / "a.h5ad"))
    expected = check(small())
    assert (found.matrix != expected.matrix).nnz == 0
    assert (found.labels, found.donors, found.genes) == (expected.labels, expected.donors, expected.genes)


def test_an_h5ad_without_counts_is_refused(tmp_path: Path) -> None:
    file = anndata.AnnData(X=np.log1p(small().matrix.astype(np.float32)))
    file.write_h5ad(tmp_path / "logs.h5ad")
    with pytest.raises(DataInvalid, match="no counts"):
        read(tmp_path / "logs.h5ad")


@pytest.mark.parametrize("place", ["raw", "X", "the layer raw_counts"])
def test_counts_are_taken_from_where_they_lie_and_the_title_says_where(tmp_path: Path, place: str) -> None:
    counts = small()
    logs = np.log1p(counts.matrix.astype(np.float32))
    file = anndata.AnnData(X=logs)
    if place == "raw":
        file.raw = anndata.AnnData(X=counts.matrix)
    elif place == "X":
        file.raw, file.X = anndata.AnnData(X=logs), counts.matrix
    else:
        file.raw, file.layers["raw_counts"] = anndata.AnnData(X=logs), counts.matrix
    file.write_h5ad(tmp_path / "a.h5ad")
    found = read(tmp_path / "a.h5ad")
    assert (found.matrix != check(counts).matrix).nnz == 0
    assert Denoising(found).title().endswith(f"cells, counts from {place}")


def test_float16_is_read(tmp_path: Path) -> None:
    anndata.AnnData(X=small().matrix.toarray().astype(np.float16)).write_h5ad(tmp_path / "a.h5ad")
    assert (read(tmp_path / "a.h5ad").matrix != check(small()).matrix).nnz == 0


def test_a_file_without_any_matrix_is_refused(tmp_path: Path) -> None:
    file = anndata.AnnData(obs={"donor": ["a"] * 70})
    file.write_h5ad(tmp_path / "a.h5ad")
    with pytest.raises(DataInvalid, match="holds no counts at all: it has no X"):
        read(tmp_path / "a.h5ad")


def test_an_unknown_encoding_is_refused_with_the_version_that_cannot_read_it(tmp_path: Path) -> None:
    import h5py

    path = h5ad(tmp_path / "a.h5ad")
    with h5py.File(path, "r+") as file:
        file["X"].attrs["encoding-type"] = "martian"
    with pytest.raises(DataInvalid, match=r"cannot be read as \.h5ad by anndata [0-9.]+ \(.*martian"):
        read(path)


@pytest.mark.parametrize("layer", ["X", "layers/counts"])
@pytest.mark.parametrize("index", [1_000_000, -5])
def test_an_index_out_of_the_matrix_is_refused_before_it_is_followed(tmp_path: Path, layer: str, index: int) -> None:
    import h5py

    with h5py.File(path := h5ad(tmp_path / "a.h5ad"), "r+") as file:
        file[layer]["indices"][3] = index
    with pytest.raises(DataInvalid, match=r"cannot be read as \.h5ad.*ind"):
        read(path)


@pytest.mark.parametrize("content", [b"", b"hello", b"half"])
def test_a_file_that_is_no_h5ad_is_refused(tmp_path: Path, content: bytes) -> None:
    path = h5ad(tmp_path / "a.h5ad")
    path.write_bytes(path.read_bytes()[:5000] if content == b"half" else content)
    with pytest.raises(DataInvalid, match=r"cannot be read as \.h5ad"):
        read(path)


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    """The set pancreas on loopback, for 70 of its 90 cells; the first answer breaks off at half."""
    tech = ["inDrop1"] * 70 + ["other"] * 20
    monkeypatch.setenv("SIA_CACHE", str(tmp_path / "cache"))
    with FileServer(h5ad(tmp_path / "pancreas.h5ad", tech=tech).read_bytes(), BreaksOff()) as server:
        public = obtain.Public(server.url, 70, ("tech", "inDrop1"))
        monkeypatch.setattr(obtain, "SETS", {"pancreas": public, "pbmc": obtain.Public("http://127.0.0.1:1/nothing")})
        yield server


def lying(tmp_path: Path) -> list[str]:
    """What is in the cache, but for locks."""
    found = (tmp_path / "cache" / "data" / "denoising").iterdir()
    return sorted(path.name for path in found if not path.name.endswith(".lock"))


def test_a_download_that_breaks_off_goes_on_and_gives_the_chosen_cells(served: FileServer, tmp_path: Path) -> None:
    told: list[str] = []
    with pytest.raises(DataMissing, match=r"run `sia data get denoising --data pancreas`"):
        obtain.load_cached(Path("pancreas"))
    with pytest.raises(DataRefused, match="try again; it goes on"):
        obtain.fetch(Path("pancreas"), told.append)
    with pytest.raises(DataMissing, match="not in the cache"):
        obtain.load_cached(Path("pancreas"))
    file = obtain.fetch(Path("pancreas"), told.append)
    assert [bool(wanted) for wanted in served.ranges] == [False, True]
    assert len(obtain.load_cached(Path("pancreas")).cells) == 70
    assert lying(tmp_path) == ["pancreas.h5ad", "pancreas.sha256"]
    obtain.fetch(Path("pancreas"), told.append)
    assert len(served.ranges) == 2
    file.write_bytes(file.read_bytes() + b"x")
    with pytest.raises(DataInvalid, match="was changed"):
        obtain.load_cached(Path("pancreas"))


def test_the_chosen_cells_are_what_their_own_file_would_give(served: FileServer, tmp_path: Path) -> None:
    with contextlib.suppress(DataRefused):
        obtain.fetch(Path("pancreas"), lambda _: None)
    obtain.fetch(Path("pancreas"), lambda _: None)
    whole = anndata.read_h5ad(tmp_path / "pancreas.h5ad")
    whole[whole.obs["tech"] == "inDrop1"].write_h5ad(tmp_path / "chosen.h5ad")
    expected = read(tmp_path / "chosen.h5ad")
    assert obtain.load_cached(Path("pancreas")).key() == expected.key()


def test_a_killed_process_that_had_it_whole_is_not_followed_by_another_download(
    served: FileServer, tmp_path: Path
) -> None:
    folder = tmp_path / "cache" / "data" / "denoising"
    folder.mkdir(parents=True)
    (folder / ".pancreas.whole.h5ad").write_bytes(served.file.content)
    obtain.fetch(Path("pancreas"), lambda _: None)
    assert served.ranges == []
    assert lying(tmp_path) == ["pancreas.h5ad", "pancreas.sha256"]


def test_a_file_whose_digest_was_never_written_is_not_taken_for_whole(served: FileServer, tmp_path: Path) -> None:
    folder = tmp_path / "cache" / "data" / "denoising"
    folder.mkdir(parents=True)
    (folder / "pancreas.h5ad").write_bytes(b"the first half")
    with pytest.raises(DataMissing, match="not in the cache"):
        obtain.load_cached(Path("pancreas"))


def test_a_cache_that_cannot_be_written_is_read_all_the_same(
    served: FileServer, monkeypatch: pytest.MonkeyPatch, as_ordinary_user: Callable[[], Path]
) -> None:
    folder = as_ordinary_user.folder / "data" / "denoising"  # type: ignore[attr-defined]
    folder.mkdir(parents=True)
    (folder / "pancreas.h5ad").write_bytes(served.file.content)
    (folder / "pancreas.sha256").write_text(hashlib.sha256(served.file.content).hexdigest())
    monkeypatch.setenv("SIA_CACHE", str(as_ordinary_user()))
    assert len(obtain.load_cached(Path("pancreas")).cells) == 70


def test_a_reader_that_is_lacking_is_told_before_anything_is_downloaded(
    served: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(DataMissing, match=r"sia-tui\[denoising\]"):
        obtain.fetch(Path("pancreas"), lambda _: None)
    assert served.ranges == []


def test_a_file_that_is_not_the_set_is_not_kept(served: FileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataRefused):
        obtain.fetch(Path("pancreas"), lambda _: None)
    monkeypatch.setitem(obtain.SETS, "pancreas", obtain.Public(served.url, 71, ("tech", "inDrop1")))
    with pytest.raises(DataInvalid, match="70 cells of pancreas, not 71"):
        obtain.fetch(Path("pancreas"), lambda _: None)
    with pytest.raises(DataMissing, match="not in the cache"):
        obtain.load_cached(Path("pancreas"))


def test_a_server_that_is_not_there_may_come_back(served: FileServer) -> None:
    with pytest.raises(DataRefused, match=r"could not be downloaded \(Connection refused\)"):
        obtain.fetch(Path("pbmc"), lambda _: None)


def test_a_set_that_is_gone_is_told_at_once(served: FileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    with FileServer(b"", lambda _: Trouble(404)) as gone:
        monkeypatch.setitem(obtain.SETS, "pbmc", obtain.Public(gone.url))
        with pytest.raises(DataMissing, match=r"404.*give a file of it with --data") as raised:
            obtain.fetch(Path("pbmc"), lambda _: None)
    assert not isinstance(raised.value, DataRefused)


@pytest.mark.slow
def test_pictures_are_drawn(tmp_path: Path) -> None:
    pytest.importorskip("scanpy")
    domain = Denoising(check(small()))
    item = domain.instances("val")[0]
    pictures = [Picture(f"generation {n}", item.id, solve(item, neighbours=4 * n)) for n in (1, 2)]
    points = {"MAGIC": (0.2, 0.4), "all zeros": (0.33, -2.6), "generation 1": (0.1, 0.4), "generation 2": (0.3, 0.45)}
    assert domain.plots(pictures, points, tmp_path / "new") == ["umap.png", "markers.png", "pareto.png"]
    for name in ("umap.png", "markers.png", "pareto.png"):
        assert (tmp_path / "new" / name).read_bytes().startswith(b"\x89PNG")
