"""The adapters of a workspace: which ones its log names, whether one is intact, its files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from engine import containment
from engine.errors import SiaError
from engine.events import types as t
from engine.events.event import Event
from engine.events.reader import Reader
from engine.models.files.adapter import identity


class Training(NamedTuple):
    """The event that recorded an adapter, and its payload."""

    event: Event
    payload: t.WeightsTrained


def trainings(reader: Reader) -> Iterator[Training]:
    """Every adapter that a run of the log has trained."""
    for event in reader.of_type(t.WeightsTrained.type):
        if isinstance(payload := event.payload, t.WeightsTrained):
            yield Training(event, payload)


def is_intact(folder: Path) -> bool:
    """Whether the files of the adapter in `folder` have the digest that is its name."""
    try:
        return identity(folder) == folder.name
    except (OSError, msgspec.MsgspecError):
        return False


def read_files(workspace: Path, adapter: str) -> dict[str, bytes]:
    """The files of an adapter by their names; raises `SiaError` where it is missing or damaged."""
    folder = containment.inside(workspace, "adapters", adapter)
    if not folder.is_dir():
        raise SiaError(f"the adapter {adapter[:12]} is not in this workspace", "copy its folder here, or train again")
    if not is_intact(folder):
        raise SiaError(f"the files of the adapter {adapter[:12]} are damaged", "copy its folder here again")
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}


def unused_folders(reader: Reader, workspace: Path) -> Iterator[Path]:
    """Folders that may be removed while no engine works: adapters of no run, checkpoints of finished trainings."""
    known = {one.payload.adapter for one in trainings(reader)}
    done = {one.payload.key for one in trainings(reader) if not one.payload.reused}
    unfinished = {payload.key for payload in _checkpoints(reader)} - done
    yield from (path for path in sorted((workspace / "adapters").glob("*")) if path.name not in known)
    yield from (path for path in sorted((workspace / "training").glob("*")) if path.name not in unfinished)


def _checkpoints(reader: Reader) -> Iterator[t.TrainingCheckpointed]:
    for event in reader.of_type(t.TrainingCheckpointed.type):
        if isinstance(payload := event.payload, t.TrainingCheckpointed):
            yield payload
