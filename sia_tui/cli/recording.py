"""The recorded run that comes with sia: read-only, and named `recorded` wherever a command takes a RUN."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

import sia_tui

if TYPE_CHECKING:
    from engine.events.reader import Reader
    from engine.run.workspace import Workspace

NAME = "recorded"
_PACKAGE = Path(sia_tui.__file__).parent
_PLACES = (_PACKAGE / "recorded.sia", _PACKAGE.parent / "events.db")
"""In a wheel; in a checkout of the repository."""


def recording() -> Path | None:
    """The recorded run's file."""
    return next((place for place in _PLACES if place.is_file()), None)


def recording_of(workspace: Workspace, reference: str) -> Path | None:
    """The file of the recorded run if `reference` names it and no run of the workspace has that name."""
    if reference != NAME:
        return None
    if workspace.log.is_file():
        with contextlib.closing(workspace.reader()) as reader:
            if any(NAME in (run.name, run.run) for run in reader.runs()):
                return None
    return recording()


def reader_of(workspace: Workspace, reference: str) -> Reader:
    """A reader of the log to find `reference` in: the workspace's, or the recording."""
    from engine.events.reader import Reader

    shipped = recording_of(workspace, reference)
    return Reader.open(shipped) if shipped else workspace.reader()
