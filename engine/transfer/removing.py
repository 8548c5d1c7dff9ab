"""`rm`: a run taken out of the log, openly.

Events are append-only, and three triggers hold that. Removing a whole run that no other run builds on breaks no
chain, so one transaction sets the guard against deletion aside, deletes exactly that run, puts the same guard back, and
refills the derived tables. The run's row in `engines` stays with a negative epoch: the log remembers that it was
removed and not lost. The tip goes first: a log ahead of its tip is healthy, a tip without its run would be an alarm.
"""

from __future__ import annotations

import contextlib
from typing import Any

import msgspec

from engine.errors import SiaError
from engine.events.connection import explained, open_writer, transaction
from engine.events.log import holding
from engine.events.reader import Reader, Run
from engine.events.readmodels import refill
from engine.run.workspace import Workspace
from engine.transfer import restoring

_GUARD = "events_no_delete"


class Removed(msgspec.Struct, frozen=True):
    """What is gone."""

    run: str
    name: str
    events: int


def removable(reader: Reader, reference: str) -> Run:
    """The run that `reference` names; raises `SiaError` where other runs build on it."""
    row = reader.find(reference)
    children = [run.name for run in reader.runs() if run.parent == row.run]
    if children:
        raise SiaError(f"{row.name} is the parent of {', '.join(children[:5])}", "remove those first")
    return row


def remove(workspace: Workspace, reference: str) -> Removed:
    """Removes a run: its events, tip, lock and refs. Contents that nothing else needs are left to `gc`."""
    workspace.reader().close()
    with workspace.naming(), contextlib.closing(open_writer(workspace.log)) as db:
        reader = Reader(db, workspace.log)
        row = removable(reader, reference)
        before = {run.run: run.name for run in reader.runs()}
        with holding(workspace.path, [row.run]):
            with explained(workspace.log), transaction(db, durable=True) as connection:
                removable(reader, row.run)  # nobody has forked from it meanwhile, and nobody can any more
                (workspace.tips / row.run).unlink(missing_ok=True)
                count = _delete(connection, row.run)
                refill(db)
            restoring.unpoint(workspace, row.name)
            for run in reader.runs():
                if run.name != before[run.run]:  # it was called by its id too as long as the name was taken
                    restoring.point(workspace, [run.run])
                    restoring.unpoint(workspace, before[run.run])
            (workspace.path / "locks" / row.run).unlink(missing_ok=True)
    return Removed(row.run, row.name, count)


def _delete(connection: Any, run: str) -> int:
    (guard,) = connection.execute("SELECT sql FROM sqlite_master WHERE name = ?", (_GUARD,)).fetchone()
    connection.execute(f"DROP TRIGGER {_GUARD}")
    count = connection.execute("DELETE FROM events WHERE run = ?", (run,)).rowcount
    connection.execute(guard)
    connection.execute("UPDATE engines SET epoch = -abs(epoch) WHERE run = ?", (run,))
    return int(count)
