"""The run that a command names, and whether an engine works on it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sia_tui.cli.recording import reader_of

if TYPE_CHECKING:
    from engine.events.reader import Reader, RunRow
    from engine.run.workspace import Workspace


STARTING_S = 30.0
"""For so many seconds a run that no engine holds yet is believed to start."""


@contextlib.contextmanager
def open_run(workspace: Workspace, reference: str) -> Iterator[tuple[Reader, RunRow]]:
    """Opens the log that holds the run `reference`, and finds the run; `recorded` is found outside the workspace."""
    with contextlib.closing(reader_of(workspace, reference)) as reader:
        yield reader, reader.find(reference)


def status_of(workspace: Workspace, run: RunRow) -> str:
    """The status of a run; where the log says `running` but no engine holds the run `interrupted`, or `starting`."""
    from engine.events.log import is_held

    if run.status != "running" or is_held(workspace.path, run.run):
        return str(run.status)
    return "starting" if _is_new(run) else "interrupted"


def _is_new(run: RunRow) -> bool:
    """Whether its engine may still be starting: a branch or a fork is in the log before its engine holds it."""
    if run.parent_n is None or run.head_n > run.parent_n + 1:
        return False
    return abs(time.time() - run.created_at / 1e6) < STARTING_S
