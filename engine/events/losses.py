"""Losses: events that a run's tip remembers and the log no longer holds, and whether a person has accepted that.

A write-ahead log that was cut short, or a copy of the database alone, leaves no other trace. Appending behind it would
make the log look whole, so nothing is appended until `loss.accepted` says that a person goes on without.
"""

from __future__ import annotations

from pathlib import Path

from engine.errors import SiaError
from engine.events import tips
from engine.events import types as t
from engine.events.event import Event
from engine.events.reader import Reader
from engine.events.tips import Tip


class Lost(SiaError):
    """A run has lost events that were acknowledged, and nobody has accepted that."""


def loss_of(reader: Reader, folder: Path, run: str) -> Tip | None:
    """The tip in `folder` of a run that has lost events; None where nothing is lost, or a person has accepted it."""
    tip = tips.read(folder, run)
    if tip is None or reader.stored_hash(run, tip.n) == tip.hash:
        return None
    accepted = any((one.n, one.hash) == (tip.n, tip.hash) for event, one in acceptances(reader) if event.run == run)
    return None if accepted else tip


def acceptances(reader: Reader) -> list[tuple[Event, t.LossAccepted]]:
    """The losses that a person has accepted, each with its event."""
    found = ((event, event.payload) for event in reader.of_type(t.LossAccepted.type))
    return [(event, payload) for event, payload in found if isinstance(payload, t.LossAccepted)]


def check_whole(reader: Reader, folder: Path, run: str) -> None:
    """Raises `Lost` where a run has lost events."""
    tip = loss_of(reader, folder, run)
    if tip is None:
        return
    name = next((row.name for row in reader.runs() if row.run == run), run)
    remedy = f"put back the whole workspace from a copy, or go on without them: `sia verify --accept-loss {name}`"
    end = reader.last_n(run)
    if end < tip.n:
        raise Lost(f"{name} has lost events: {tip.n} were written, and its log ends at event {end}", remedy)
    raise Lost(f"event {tip.n} of {name} is not the one that was written", remedy)
