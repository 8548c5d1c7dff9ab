"""Merges the events and blobs of one log into another: by hash, all or nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Sequence
from pathlib import Path

from engine.errors import SiaError
from engine.events import rows
from engine.events.event import Event
from engine.events.log import raise_epoch
from engine.events.reader import Reader
from engine.events.storage import blobs
from engine.events.storage.connection import explained, open_writer, transaction


def missing(reader: Reader, events: Sequence[Event]) -> list[Event]:
    """Those of `events` that a log lacks; raises `SiaError` where the log has another event of that number."""
    return [event for event in events if not _holds(reader, event)]


def _holds(reader: Reader, event: Event) -> bool:
    stored = reader.stored_hash(event.run, event.n)
    if stored not in (None, event.hash):
        raise SiaError(
            f"the run {event.run} differs here from event {event.n} on",
            "import the file into another workspace",
        )
    return stored is not None


def merge(path: Path, source: Reader, events: Sequence[Event], fresh: Collection[str]) -> int:
    """Appends to the log at `path` what it lacks of `events`, with all blobs of `source`; returns how many events.

    Only the runs in `fresh`, which the caller holds, may grow; an engine that held one of them before is displaced.
    """
    with (
        contextlib.closing(open_writer(path)) as db,
        explained(path),
        transaction(db, durable=True) as connection,
    ):
        for blob in source.stored_blobs():
            blobs.keep(connection, *blob)
        lacking = missing(Reader(db, path), events)
        for event in lacking:
            if event.run not in fresh:
                raise SiaError(f"the run {event.run} changed while it was imported", "try again")
            row = (event.run, event.n, event.type, event.v, event.at, event.generation, event.stored)
            rows.insert(connection, (*row, event.prev_hash, event.hash), event.payload)
        for run in fresh:
            raise_epoch(connection, run)
    return len(lacking)
