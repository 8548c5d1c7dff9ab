"""rename, note: a run's name and the user's notes on it, as events of the run."""

from __future__ import annotations

import contextlib

from engine.core.settings import check_name
from engine.errors import SiaError
from engine.events import types as t
from engine.events.log import RunLog
from engine.events.reader import RunRow
from engine.run.workspace import Workspace
from engine.transfer import rebuild

MAX_NOTE = 4000


def rename(workspace: Workspace, reference: str, name: str) -> RunRow:
    """Renames a run, in the log and in git; returns its former row. Raises `Held` while an engine works on it."""
    check_name(name)
    with contextlib.closing(workspace.reader()):
        pass  # raises if the workspace has no log, rather than creating one
    with workspace.name_lock():
        with contextlib.closing(workspace.reader()) as reader:
            row = reader.find(reference)
            if any(run.goes_by(name) for run in reader.runs()):
                raise SiaError(f"this workspace already has a run {name!r}", "choose another name")
        _append(workspace, row, t.RunRenamed(name))
        rebuild.point_refs(workspace, [row.run], gone=[row.name])
    return row


def note(workspace: Workspace, reference: str, text: str) -> RunRow:
    """Adds a note to a run. Raises `Held` while an engine works on it."""
    if not text.strip() or len(text) > MAX_NOTE:
        raise SiaError(f"a note has 1 to {MAX_NOTE} characters", "shorten it, or write something")
    with contextlib.closing(workspace.reader()) as reader:
        row = reader.find(reference)
    _append(workspace, row, t.RunNoted(text))
    return row


def _append(workspace: Workspace, row: RunRow, payload: t.Payload) -> None:
    with contextlib.closing(RunLog.hold(workspace.path, row.run)) as log:
        log.append([(row.generation, payload)])
