"""The adapters of a workspace as its log knows them: which there should be, whether one is sound, its files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from engine.errors import SiaError
from engine.events import types as t
from engine.events.event import Event
from engine.events.reader import Reader
from engine.models.files.adapter import identity


class Trained(NamedTuple):
    """The event that made an adapter, and what it says."""

    event: Event
    payload: t.WeightsTrained


def trained(reader: Reader) -> Iterator[Trained]:
    """Every adapter that some run of the log has trained."""
    for event in reader.of_type(t.WeightsTrained.type):
        payload = event.payload
        assert isinstance(payload, t.WeightsTrained)  # noqa: S101 - by its type
        yield Trained(event, payload)


def sound(folder: Path) -> bool:
    """Whether the adapter in `folder` is the one that its name says."""
    try:
        return identity(folder) == folder.name
    except (OSError, msgspec.MsgspecError):
        return False


def files(workspace: Path, adapter: str) -> dict[str, bytes]:
    """The files of an adapter by their names; raises `SiaError` where it is missing or damaged."""
    folder = workspace / "adapters" / adapter
    if not folder.is_dir():
        raise SiaError(f"the adapter {adapter[:12]} is not in this workspace", "copy its folder here, or train again")
    if not sound(folder):
        raise SiaError(f"the files of the adapter {adapter[:12]} are damaged", "copy its folder here again")
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}


def idle(reader: Reader, workspace: Path) -> Iterator[Path]:
    """Folders that nothing needs while no engine is at work: adapters of no run, checkpoints of finished trainings."""
    known = {one.payload.adapter for one in trained(reader)}
    done = {one.payload.key for one in trained(reader) if not one.payload.reused}
    begun = {payload.key for payload in _checkpoints(reader)}
    kept = begun - done
    yield from (path for path in sorted((workspace / "adapters").glob("*")) if path.name not in known)
    yield from (path for path in sorted((workspace / "training").glob("*")) if path.name not in kept)


def _checkpoints(reader: Reader) -> Iterator[t.TrainingCheckpointed]:
    for event in reader.of_type(t.TrainingCheckpointed.type):
        payload = event.payload
        assert isinstance(payload, t.TrainingCheckpointed)  # noqa: S101 - by its type
        yield payload
