"""A person's decision to go on without events that were lost."""

from __future__ import annotations

import contextlib

from engine import containment
from engine.errors import SiaError
from engine.events import tips
from engine.events import types as t
from engine.events.log import RunLog, holding
from engine.events.losses import loss_of
from engine.events.maintenance import housekeeping
from engine.events.storage.connection import explained, open_writer, transaction
from engine.run.workspace import Workspace


def accept_loss(workspace: Workspace, reference: str, *, by: str) -> int:
    """Accepts what a run has lost, in an event of the run; returns how many events the run once had.

    A run that is lost as a whole has no event to add to: it is remembered as removed, and its tip goes. Raises
    `SiaError` where nothing is lost, and `Held` while an engine works on the run.
    """
    with contextlib.closing(workspace.reader()) as reader:
        if tips.read(workspace.tips, reference) is not None and reader.last_n(reference) == 0:
            row, run, name = None, reference, reference
        else:
            row = reader.find(reference)
            run, name = row.run, row.name
        tip = loss_of(reader, workspace.tips, run)
    if tip is None:
        raise SiaError(f"{name} has lost nothing", "`sia verify` names what is wrong")
    if row is not None:
        with contextlib.closing(RunLog.hold(workspace.path, run, accept_loss=True)) as log:
            log.append([(row.generation, t.LossAccepted(tip.n, tip.hash, by))])
        return tip.n
    with (
        holding(workspace.path, [run]),
        contextlib.closing(open_writer(workspace.log)) as db,
        explained(workspace.log),
    ):
        with transaction(db, durable=True) as connection:
            housekeeping.give_up(connection, run)
        containment.inside(workspace.path, "tips", run).unlink(missing_ok=True)
    return tip.n
