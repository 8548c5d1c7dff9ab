"""The run that a command names, and whether an engine works on it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sia_tui.cli.recording import reader_of

if TYPE_CHECKING:
    from engine.events.reader import Reader, RunRow
    from engine.run.workspace import Workspace


@contextlib.contextmanager
def open_run(workspace: Workspace, reference: str) -> Iterator[tuple[Reader, RunRow]]:
    """Opens the log that holds the run `reference`, and finds the run; `recorded` is found outside the workspace."""
    with contextlib.closing(reader_of(workspace, reference)) as reader:
        yield reader, reader.find(reference)


def status_of(workspace: Workspace, run: RunRow) -> str:
    """The status of a run; `interrupted` if the log says `running` but no engine holds the run."""
    from engine.events.log import is_held

    if run.status == "running" and not is_held(workspace.path, run.run):
        return "interrupted"
    return str(run.status)
