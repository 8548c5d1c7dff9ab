"""`rm`: removes a run on which no other run builds, in one transaction, and then its tip, lock and refs.

Before that, the run's parent records what the lineage would forget of its account of error. After a crash between the
two, both runs say it, which counts once.

The tip goes first: a log ahead of its tip is valid, but a tip without its run would be reported as a loss.
"""

from __future__ import annotations

import contextlib

import msgspec

from engine import containment
from engine.errors import SiaError
from engine.events import types as t
from engine.events.log import Held, RunLog, holding
from engine.events.maintenance.housekeeping import delete_run
from engine.events.reader import Reader, RunRow
from engine.events.readmodels import forget
from engine.events.storage.connection import explained, open_writer, transaction
from engine.loop.control_socket import Removed, send
from engine.run import account
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
    """Removes a run: its events, tip, lock and refs. Contents that nothing else needs are left to `gc`.

    Raises `Held` where an engine works on it, or on a parent that has something to record and does not listen.
    """
    workspace.reader().close()
    with workspace.name_lock(), contextlib.closing(open_writer(workspace.log)) as db:
        reader = Reader(db, workspace.log)
        row = check_removable(reader, reference)
        before = {run.run: run.name for run in reader.runs()}
        with holding(workspace.path, [row.run]):
            if row.parent and (spent := account.only_in(reader, row.run)):
                _hand_over(workspace, reader.find(row.parent), Removed(row.name, spent))
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


def _hand_over(workspace: Workspace, parent: RunRow, gone: Removed) -> None:
    """Has `parent` record what the removed run has spent: in its log, or through its live engine."""
    try:
        with contextlib.closing(RunLog.hold(workspace.path, parent.run)) as log:
            log.append([(parent.generation, t.AccountRead(gone.spent, removed=gone.name))])
    except Held:
        if not send(workspace.path, parent.run, gone):
            raise Held(
                f"an engine is working on {parent.name}, which has to record what {gone.name} has judged",
                "let it finish, or `sia pause` it",
            ) from None
