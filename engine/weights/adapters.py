"""Adapters on disk: a folder each, named by what it holds, whole or not there at all."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from engine.models.files.adapter import MANIFEST, Manifest, identity


@contextlib.contextmanager
def appearing(target: Path) -> Iterator[Path]:
    """A fresh folder to fill, which then stands at `target`, instead of what may have stood there."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".new-") as temporary:
        fresh, former = Path(temporary) / "fresh", Path(temporary) / "former"
        fresh.mkdir()
        yield fresh
        for path in fresh.iterdir():
            with path.open("rb") as file:
                os.fsync(file.fileno())
        with contextlib.suppress(FileNotFoundError):
            target.rename(former)
        fresh.rename(target)
    with contextlib.suppress(OSError):
        os.sync()


def keep(adapters: Path, made: Path, *, base: str, architecture: str, lineage: Mapping[str, Any]) -> str:
    """Moves the files of an adapter from the folder `made` into `adapters`; its id. What is there already stays."""
    manifest = Manifest(base=base, architecture=architecture, lineage=dict(lineage))
    (made / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest, order="sorted"), indent=2))
    name = identity(made)
    if not (adapters / name).is_dir():
        with appearing(adapters / name) as fresh:
            for path in made.iterdir():
                shutil.copyfile(path, fresh / path.name)
    return name
