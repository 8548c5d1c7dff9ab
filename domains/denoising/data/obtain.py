"""Downloads the public data sets of OpenProblems' denoising task by name, checks them, and caches them.

Their names are `--data pancreas`, `--data pbmc` and `--data tabula`. A download that broke off is continued. Publishers
give no SHA-256, so the length is checked, and that the file opens as counts of the known shape. Its digest is stored
beside the file and checked at every opening, so that a run never continues on other data.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, NamedTuple

from domains import atomic, cache
from domains.contract import DataInvalid, DataMissing, DataRefused, Report
from domains.denoising.data import annotated
from domains.denoising.data.counts import Counts, check
from domains.denoising.data.files import read
from domains.download import SILENCE_S, download
from domains.retry import describe_error, refusal


class Public(NamedTuple):
    """A public set: its address, its number of cells, and which of the file's cells it uses."""

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


def load_cached(data: Path) -> Counts:
    """The set that `data` names, from the cache; raises `DataMissing` or `DataInvalid`."""
    if data.name not in SETS:
        raise DataMissing(f"{data} does not exist: give --data a file or 10x folder, or one of {', '.join(SETS)}.")
    file = _file(data.name)
    if not _is_complete(file):
        raise DataMissing(f"{data.name} is not in the cache: run `sia data get denoising --data {data.name}`.")
    if file.with_suffix(".sha256").read_text() != _digest(file):
        raise DataInvalid(f"{file} was changed: remove it, then run `sia data get denoising --data {data.name}`.")
    return _read_set(data.name, file)


def fetch(data: Path, report: Report) -> Path:
    """Downloads the set that `data` names into the cache; continues an earlier download that broke off."""
    name = data.name
    if name not in SETS:
        load_cached(data)  # raises, and lists the names
    target = _file(name)
    if _is_complete(target):
        report(f"{name} is in {target} already")
        return target
    annotated.readable()  # before a gigabyte is downloaded that nothing here could open
    try:
        cache.once(target, lambda fresh: _obtain(name, fresh, target, report), whole=_is_complete, report=report)
    except (OSError, http.client.HTTPException) as error:
        message = f"{name} could not be downloaded ({describe_error(error)})"
        if refused := refusal(error):
            raise DataRefused(f"{message}: try again; it goes on.", refused.reason, refused.after_s) from None
        elsewhere = isinstance(error, urllib.error.URLError)
        remedy = "give a file of it with --data" if elsewhere else "make room, or set $SIA_CACHE to a folder elsewhere"
        raise DataMissing(f"{message}: {remedy}.") from None
    report(f"{name} is in {target}")
    return target


def _obtain(name: str, fresh: Path, target: Path, report: Report) -> None:
    whole = target.with_name(f".{name}.whole.h5ad")  # outside the scratch folder, which is removed after a failure
    if not whole.is_file():
        download(_address(name), whole, report)
    report(f"checking {name}")
    try:
        _read_set(name, whole)
    except DataInvalid:
        whole.unlink()
        raise
    atomic.write(target.with_suffix(".sha256"), _digest(whole).encode())
    whole.rename(fresh)


def _is_complete(file: Path) -> bool:
    return file.is_file() and file.with_suffix(".sha256").is_file()


def _file(name: str) -> Path:
    return cache.folder("data", "denoising", f"{name}.h5ad")


def _read_set(name: str, file: Path) -> Counts:
    public = SETS[name]
    if public.only:
        column, value = public.only
        whole = annotated.load(file)
        counts = check(annotated.from_annotated(name, whole[whole.obs[column] == value].copy()))
    else:
        counts = read(file)
    if public.cells is not None and len(counts.cells) != public.cells:
        raise DataInvalid(f"{file} holds {len(counts.cells)} cells of {name}, not {public.cells}: obtain it again.")
    return check(counts._replace(name=name))


def _address(name: str) -> str:
    """The address of the file. Of the files of CELLxGENE's collection it is the lung's droplet counts."""
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
    with urllib.request.urlopen(url, timeout=SILENCE_S) as answer:  # noqa: S310 - https, from SETS
        return json.load(answer)


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
