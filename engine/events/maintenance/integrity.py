"""Checks that a log is whole: chains, hashes, blobs, derived rows and tips, against each other.

Every problem is a sentence that names the event.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from engine.errors import SiaError
from engine.events import losses, tips
from engine.events import types as t
from engine.events.event import GENESIS, Event
from engine.events.reader import Reader
from engine.events.storage import blobs
from engine.plain import plural


class Checked(msgspec.Struct, frozen=True):
    """The number of events, what is wrong with them, and by commit the event that names it."""

    events: int
    problems: list[str]
    commits: dict[str, str]


def check(reader: Reader) -> Checked:
    """Checks everything that the log alone can show."""
    problems: list[str] = []
    commits: dict[str, str] = {}
    heads: dict[str, Event] = {}
    by_hash: set[str] = {GENESIS}
    count = 0
    for event in reader.all_events():
        count += 1
        found = list(_event(reader, event, heads.get(event.run), by_hash))
        problems += found
        heads[event.run] = event
        by_hash.add(event.hash)
        if not found and event.type == t.HarnessWritten.type and isinstance(payload := event.payload, t.HarnessWritten):
            commits[payload.commit] = describe(event)
    problems += _blobs(reader)
    problems += _derived(reader)
    return Checked(count, problems, commits)


def describe(event: Event) -> str:
    """The event, as problems refer to it."""
    return f"event {event.n} of run {event.run} ({event.type})"


def _event(reader: Reader, event: Event, before: Event | None, known: set[str]) -> Iterator[str]:
    if before is not None and (event.prev_hash != before.hash or event.n != before.n + 1):
        yield f"{describe(event)} does not follow event {before.n}"
    elif event.prev_hash not in known:
        yield f"{describe(event)} follows an event that is not in the log"
    if event.expected_hash() != event.hash:
        yield f"{describe(event)} was altered: its contents do not have its hash"
        return
    try:
        payload = event.payload
    except SiaError as error:
        yield f"{describe(event)} cannot be read: {error}"
        return
    if isinstance(payload, t.Unread):
        yield f"{describe(event)} is left out: {payload.problem}"
    needed, withheld = payload.blobs(), payload.withheld()
    for name in needed:
        codec = reader.blob_codec(name)
        if codec is None or (codec == blobs.LEFT_OUT and name not in withheld):
            yield f"{describe(event)} names the blob {name[:12]}, which is missing"


def _blobs(reader: Reader) -> Iterator[str]:
    for name, codec, stored in reader.stored_blobs():
        try:
            whole = codec == blobs.LEFT_OUT or blobs.digest(blobs.unpack(codec, stored)) == name
        except SiaError:
            whole = False
        if not whole:
            yield f"the blob {name[:12]} is damaged"


def _derived(reader: Reader) -> Iterator[str]:
    # one statement, so that an engine that appends meanwhile makes no difference
    rows = reader.rows(
        """SELECT coalesce(e.run, r.run), coalesce(e.n, 0), coalesce(r.head_n, 0)
           FROM (SELECT run, max(n) AS n FROM events GROUP BY run) e FULL JOIN runs r ON r.run = e.run
           WHERE NOT EXISTS (SELECT 1 FROM events WHERE run = r.run AND n = e.n AND n = r.head_n AND hash = r.head_hash)
           ORDER BY 1"""
    )
    for run, last, head in rows:
        yield f"run {run} ends with event {last}, but the derived tables know it up to event {head}"


def check_tips(reader: Reader, folder: Path) -> Iterator[str]:
    """Events that the tips in `folder` record and the log does not hold."""
    for run in tips.read_all(folder):
        tip = losses.loss_of(reader, folder, run)
        if tip is None:
            continue
        if reader.stored_hash(run, tip.n) is None:
            yield f"run {run} once had {plural(tip.n, 'event')} and has lost the last of them"
        else:
            yield f"event {tip.n} of run {run} is not the one that was written"


def accepted_losses(reader: Reader) -> list[str]:
    """The losses that a person has accepted, in sentences."""
    return [
        f"{_loss(event, one)}, which {one.by} accepted at event {event.n}" for event, one in losses.acceptances(reader)
    ]


def _loss(event: Event, accepted: t.LossAccepted) -> str:
    if event.n > accepted.n:  # the log is longer, and another than the one that was written
        return f"event {accepted.n} of run {event.run} is not the one that was written"
    return f"run {event.run} lost events {event.n} to {accepted.n}"
