"""`rm`: removes a run on which no other run builds, in one transaction, and then its tip, lock and refs.

The tip goes first: a log ahead of its tip is valid, but a tip without its run would be reported as a loss.
"""

from __future__ import annotations

import contextlib

import msgspec

from engine import containment
from engine.errors import SiaError
from engine.events.log import holding
from engine.events.maintenance.housekeeping import delete_run
from engine.events.reader import Reader, RunRow
from engine.events.readmodels import forget
from engine.events.storage.connection import explained, open_writer, transaction
from engine.run.workspace import Workspace
from engine.transfer import rebuild


class Removal(msgspec.Struct, frozen=True):
    """The run that was removed."""

    run: str
    name: str
    events: int


def check_removable(reader: Reader, reference: str) -> RunRow:
    """The run that `reference` names; raises `SiaError` if other runs build on it."""
    row = reader.find(reference)
    children = [run.name for run in reader.runs() if run.parent == row.run]
    if children:
        raise SiaError(f"{row.name} is the parent of {', '.join(children[:5])}", "remove those first")
    return row


def remove(workspace: Workspace, reference: str) -> Removal:
    """Removes a run: its events, tip, lock and refs. Contents that nothing else needs are left to `gc`."""
    workspace.reader().close()
    with workspace.name_lock(), contextlib.closing(open_writer(workspace.log)) as db:
        reader = Reader(db, workspace.log)
        row = check_removable(reader, reference)
        before = {run.run: run.name for run in reader.runs()}
        with holding(workspace.path, [row.run]):
            with explained(workspace.log), transaction(db, durable=True) as connection:
                check_removable(reader, row.run)  # once more, now that nobody can fork it
                containment.inside(workspace.path, "tips", row.run).unlink(missing_ok=True)
                count = delete_run(connection, row.run)
                forget(connection, row.run)
            # a run whose name had its id appended, because the name was taken, gets the plain name
            renamed = [run.run for run in reader.runs() if run.name != before[run.run]]
            rebuild.point_refs(workspace, renamed, gone=[row.name, *(before[run] for run in renamed)])
            containment.inside(workspace.path, "locks", row.run).unlink(missing_ok=True)
    return Removal(row.run, row.name, count)
