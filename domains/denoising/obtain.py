"""The public sets of OpenProblems' denoising task, by name: downloaded, checked, kept; a broken download goes on.

`--data pancreas`, `--data pbmc` and `--data tabula` name them. Their publishers give no SHA-256: what is checked is
that the length is the one announced and that the file opens as counts of the shape known. The digest is kept beside the
file and checked at every opening, so that a run is never gone on with on other data.
"""

from __future__ import annotations

import hashlib
import json
import os
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, NamedTuple

import platformdirs

from domains.contract import DataInvalid, DataMissing, Report
from domains.denoising.counts import Counts, checked, read

TIMEOUT_S = 60
_CHUNK = 1 << 20


class Public(NamedTuple):
    """A public set: where it lies, how many cells it has, and which of the file's cells it takes."""

    url: str
    cells: int | None = None
    only: tuple[str, str] | None = None


SETS = {
    "pancreas": Public("https://ndownloader.figshare.com/files/36086813", 1937, ("tech", "inDrop1")),
    "pbmc": Public("https://ndownloader.figshare.com/files/36088667"),
    "tabula": Public(
        "https://api.cellxgene.cziscience.com/curation/v1/collections/0b9d8a04-bb9d-44da-aa27-705bb65b54eb"
    ),
}


def cached(data: Path) -> Counts:
    """The set that `data` names, from the cache; raises `DataMissing` or `DataInvalid`."""
    if data.name not in SETS:
        raise DataMissing(f"{data} does not exist: give --data a file or 10x folder, or one of {', '.join(SETS)}.")
    file = _file(data.name)
    if not file.is_file():
        raise DataMissing(f"{data.name} is not in the cache: run `sia data get denoising --data {data.name}`.")
    if file.with_suffix(".sha256").read_text() != _digest(file):
        raise DataInvalid(f"{file} was changed: remove it, then run `sia data get denoising --data {data.name}`.")
    return _chosen(data.name, file)


def fetch(data: Path, report: Report) -> Path:
    """Downloads the set that `data` names into the cache, going on where an earlier download broke off."""
    if data.name not in SETS:
        cached(data)  # says what may be named
    target = _file(data.name)
    if target.is_file():
        report(f"{data.name} is in {target} already")
        return target
    part = target.with_suffix(".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _download(_address(data.name), part, report)
    except urllib.error.URLError as error:
        reason = getattr(error.reason, "strerror", None) or error.reason
        raise DataMissing(f"{data.name} could not be downloaded ({reason}): try again; it goes on.") from None
    except OSError as error:
        reason = error.strerror or error
        raise DataMissing(f"{data.name} could not be downloaded ({reason}): try again; it goes on.") from None
    report(f"checking {data.name}")
    whole = part.with_suffix(".h5ad")
    part.rename(whole)
    try:
        _chosen(data.name, whole)
    except DataInvalid:
        whole.unlink()
        raise
    target.with_suffix(".sha256").write_text(_digest(target))
    report(f"{data.name} is in {target}")
    return target


def _file(name: str) -> Path:
    root = os.environ.get("SIA_CACHE")
    return (Path(root) if root else platformdirs.user_cache_path("sia")) / "data" / "denoising" / f"{name}.h5ad"


def _chosen(name: str, file: Path) -> Counts:
    public = SETS[name]
    if public.only:
        import anndata

        column, value = public.only
        whole = anndata.read_h5ad(file)
        part = file.with_name(f".{name}-chosen.h5ad")
        whole[whole.obs[column] == value].write_h5ad(part)
        counts = read(part)
        part.unlink()
    else:
        counts = read(file)
    if public.cells is not None and len(counts.cells) != public.cells:
        raise DataInvalid(f"{file} holds {len(counts.cells)} cells of {name}, not {public.cells}: obtain it again.")
    return checked(counts._replace(name=name))


def _address(name: str) -> str:
    """Where the file lies. CELLxGENE lists a collection's files: the lung's droplet counts are the ones."""
    url = SETS[name].url
    if name != "tabula":
        return url
    for dataset in _json(url)["datasets"]:
        tissues = [one["label"] for one in dataset["tissue"]]
        assays = [one["label"] for one in dataset["assay"]]
        if tissues == ["lung"] and assays == ["10x 3' v2"]:
            assets = dataset.get("assets") or _json(f"{url}/datasets/{dataset['id']}/assets")
            found = [asset for asset in assets if asset["filetype"] == "H5AD"]
            return str(found[0].get("url") or found[0]["presigned_url"])
    raise DataMissing("CELLxGENE lists no lung of Tabula Muris Senis: give a file of it with --data.")


def _json(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer:  # noqa: S310 - https, from SETS
        return json.load(answer)


def _download(url: str, part: Path, report: Report) -> None:
    """Appends to `part` what it lacks; starts anew where the server sends the whole."""
    have = part.stat().st_size if part.exists() else 0
    asked = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})  # noqa: S310
    try:
        answer = urllib.request.urlopen(asked, timeout=TIMEOUT_S)  # noqa: S310 - https, from SETS
    except urllib.error.HTTPError as error:
        if error.code == 416 and have:  # there is nothing after what we have
            return
        raise
    with answer, part.open("ab" if answer.status == 206 else "wb") as file:
        length = answer.headers.get("Content-Length")
        start = file.tell()
        report(f"downloading {int(length) / 1e6:.0f} MB" if length else "downloading")
        while piece := answer.read(_CHUNK):
            file.write(piece)
        got = file.tell() - start
    if length and got != int(length):
        raise OSError(f"the connection ended after {got} of {length} bytes")


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
