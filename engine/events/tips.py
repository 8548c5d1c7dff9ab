"""The tips: the last event of each run, kept outside the database.

A database ahead of its tip is healthy (the engine died between the commit and this file). One behind it has lost
events: a truncated WAL or a copy without it leaves no other trace.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from domains import atomic
from engine import containment


class Tip(msgspec.Struct, frozen=True):
    """The last event of a run."""

    n: int
    hash: str


def write(folder: Path, run: str, tip: Tip) -> None:
    """Replaces the run's tip; `folder` lies in the workspace."""
    target = containment.inside(folder.parent, folder.name, run)
    # each durable append writes one; after a power cut it counts as an older tip, or as none
    atomic.write(target, msgspec.json.encode(tip), durable=False)


def read_all(folder: Path) -> dict[str, Tip]:
    """The tip of every run; an unreadable one counts as missing."""
    names = sorted(path.name for path in folder.glob("[!.]*")) if folder.is_dir() else []
    found = {name: read(folder, name) for name in names}
    return {name: tip for name, tip in found.items() if tip is not None}


def read(folder: Path, run: str) -> Tip | None:
    """The tip of a run; None where it has none that can be read."""
    try:
        return msgspec.json.decode((folder / run).read_bytes(), type=Tip)
    except (OSError, msgspec.DecodeError):
        return None
