"""Adapters on disk: one folder for each, named by its content, complete or missing."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from domains import atomic
from engine.models.files.adapter import MANIFEST, Manifest, identity
from engine.models.files.fingerprint import Fingerprint


def keep(
    adapters: Path,
    made: Path,
    *,
    base: str,
    architecture: str,
    lineage: Mapping[str, Any],
    fingerprint: Fingerprint | None = None,
) -> str:
    """Copies an adapter's files from the folder `made` into `adapters`, unless it is there already; returns its id."""
    manifest = Manifest(base=base, architecture=architecture, lineage=dict(lineage), fingerprint=fingerprint)
    (made / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest, order="sorted"), indent=2))
    name = identity(made)
    if not (adapters / name).is_dir():
        with atomic.create(adapters / name) as fresh:
            fresh.mkdir()
            for path in made.iterdir():
                shutil.copyfile(path, fresh / path.name)
    return name
