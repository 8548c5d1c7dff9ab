"""What the extra brings: files of the field, public sets over a network that breaks, pictures."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import io, sparse

from domains.contract import DataInvalid, DataMissing, Picture
from domains.denoising import obtain
from domains.denoising.counts import checked, read
from domains.denoising.domain import Denoising
from tests.unit.domains.counting import small, solve

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
    expected = checked(small())
    assert (found.matrix != expected.matrix).nnz == 0
    assert (found.labels, found.donors, found.genes) == (expected.labels, expected.donors, expected.genes)


def test_an_h5ad_without_counts_is_refused(tmp_path: Path) -> None:
    file = anndata.AnnData(X=np.log1p(small().matrix.astype(np.float32)))
    file.write_h5ad(tmp_path / "logs.h5ad")
    with pytest.raises(DataInvalid, match="no counts"):
        read(tmp_path / "logs.h5ad")


def test_a_10x_folder_gives_its_matrix(tmp_path: Path) -> None:
    pytest.importorskip("scanpy")
    counts = checked(small())
    io.mmwrite(tmp_path / "matrix.mtx", sparse.coo_matrix(counts.matrix.T))
    (tmp_path / "barcodes.tsv").write_text("\n".join(counts.cells) + "\n")
    genes = [f"ENSG{number}\tgene{number}" for number in range(counts.matrix.shape[1])]
    (tmp_path / "genes.tsv").write_text("\n".join(genes) + "\n")
    found = read(tmp_path)
    assert (found.matrix != counts.matrix).nnz == 0
    assert found.genes[:2] == ("gene0", "gene1")


class Server:
    """Serves one file; the first answer breaks off at half, later ones go on from where they are asked to."""

    def __init__(self, content: bytes) -> None:
        self.asked: list[str | None] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                wanted = self.headers.get("Range")
                outer.asked.append(wanted)
                start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
                self.send_response(206 if wanted else 200)
                self.send_header("Content-Length", str(len(content) - start))
                self.end_headers()
                self.wfile.write(content[start:] if outer.asked[1:] else content[: len(content) // 2])

            def log_message(self, *_: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.http.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.http.server_port}/file"


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    tech = ["inDrop1"] * 70 + ["other"] * 20
    server = Server(h5ad(tmp_path / "pancreas.h5ad", tech=tech).read_bytes())
    monkeypatch.setenv("SIA_CACHE", str(tmp_path / "cache"))
    public = obtain.Public(server.url, 70, ("tech", "inDrop1"))
    monkeypatch.setattr(obtain, "SETS", {"pancreas": public, "pbmc": obtain.Public("http://127.0.0.1:1/nothing")})
    yield server
    server.http.shutdown()
    server.http.server_close()


def test_a_download_that_breaks_off_goes_on_and_gives_the_chosen_cells(served: Server) -> None:
    told: list[str] = []
    with pytest.raises(DataMissing, match=r"run `sia data get denoising --data pancreas`"):
        obtain.cached(Path("pancreas"))
    with pytest.raises(DataMissing, match="try again; it goes on"):
        obtain.fetch(Path("pancreas"), told.append)
    file = obtain.fetch(Path("pancreas"), told.append)
    assert served.asked[0] is None
    assert served.asked[1] is not None
    assert len(obtain.cached(Path("pancreas")).cells) == 70
    obtain.fetch(Path("pancreas"), told.append)
    assert len(served.asked) == 2
    file.write_bytes(file.read_bytes() + b"x")
    with pytest.raises(DataInvalid, match="was changed"):
        obtain.cached(Path("pancreas"))


def test_a_file_that_is_not_the_set_is_not_kept(served: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    served.asked.append(None)  # nothing breaks off
    monkeypatch.setitem(obtain.SETS, "pancreas", obtain.Public(served.url, 71, ("tech", "inDrop1")))
    with pytest.raises(DataInvalid, match="70 cells of pancreas, not 71"):
        obtain.fetch(Path("pancreas"), lambda _: None)
    with pytest.raises(DataMissing, match="not in the cache"):
        obtain.cached(Path("pancreas"))


def test_a_server_that_is_not_there_is_told(served: Server) -> None:
    with pytest.raises(DataMissing, match="could not be downloaded"):
        obtain.fetch(Path("pbmc"), lambda _: None)


@pytest.mark.slow
def test_pictures_are_drawn(tmp_path: Path) -> None:
    pytest.importorskip("scanpy")
    domain = Denoising(checked(small()))
    item = domain.instances("val")[0]
    pictures = [Picture(f"generation {n}", item.id, solve(item, neighbours=4 * n)) for n in (1, 2)]
    points = {"MAGIC": (0.2, 0.4), "all zeros": (0.33, -2.6), "generation 1": (0.1, 0.4), "generation 2": (0.3, 0.45)}
    assert domain.plots(pictures, points, tmp_path / "new") == ["umap.png", "markers.png", "pareto.png"]
    for name in ("umap.png", "markers.png", "pareto.png"):
        assert (tmp_path / "new" / name).read_bytes().startswith(b"\x89PNG")
