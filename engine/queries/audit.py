"""`verify`: is the log whole? Chains, blobs, tips, derived rows, and every commit reachable in the repository."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from engine.errors import SiaError
from engine.events import blobs, tips
from engine.events import types as t
from engine.events.event import GENESIS, Event
from engine.events.reader import Reader
from engine.run import adapters
from engine.run.workspace import Workspace


class Verified(msgspec.Struct, frozen=True):
    """What a check of a whole log found; `problems` are sentences that name the event."""

    ok: bool
    events: int
    problems: list[str]


def verify(reader: Reader, workspace: Workspace | None = None) -> Verified:
    """Checks everything; `workspace` adds the tips and the repository, which an exported file does not have."""
    problems: list[str] = []
    count = 0
    commits: dict[str, str] = {}
    heads: dict[str, Event] = {}
    by_hash: set[str] = {GENESIS}
    for row in reader.db.conn.execute(
        "SELECT seq, run, n, type, v, at, generation, payload, prev_hash, hash FROM events ORDER BY seq"
    ):
        event = Event(*row)
        count += 1
        found = list(_event(reader, event, heads.get(event.run), by_hash))
        problems += found
        heads[event.run] = event
        by_hash.add(event.hash)
        if event.type == t.HarnessWritten.type and not found:
            payload = event.payload
            assert isinstance(payload, t.HarnessWritten)  # noqa: S101 - by its type
            commits[payload.commit] = _place(event)
    problems += _blobs(reader)
    problems += _derived(reader)
    if workspace is not None:
        problems += _tips(reader, workspace)
        problems += _commits(workspace, commits)
        problems += _adapters(reader, workspace)
    return Verified(not problems, count, problems)


def _place(event: Event) -> str:
    return f"event {event.n} of run {event.run} ({event.type})"


def _event(reader: Reader, event: Event, before: Event | None, known: set[str]) -> Iterator[str]:
    if before is not None and (event.prev_hash != before.hash or event.n != before.n + 1):
        yield f"{_place(event)} does not follow event {before.n}"
    elif event.prev_hash not in known:
        yield f"{_place(event)} follows an event that is not in the log"
    if event.expected_hash() != event.hash:
        yield f"{_place(event)} was altered: its contents do not have its hash"
        return
    try:
        needed, withheld = event.payload.blobs(), event.payload.withheld()
    except SiaError as error:
        yield f"{_place(event)} cannot be read: {error}"
        return
    for name in needed:
        row = reader.db.conn.execute("SELECT codec FROM blobs WHERE sha256 = ?", (name,)).fetchone()
        if row is None or (row[0] == blobs.LEFT_OUT and name not in withheld):
            yield f"{_place(event)} names the blob {name[:12]}, which is missing"


def _blobs(reader: Reader) -> Iterator[str]:
    for name, codec, stored in reader.db.conn.execute(
        "SELECT sha256, codec, data FROM blobs WHERE codec != ?", (blobs.LEFT_OUT,)
    ):
        try:
            whole = blobs.digest(blobs.unpack(codec, stored)) == name
        except SiaError:
            whole = False
        if not whole:
            yield f"the blob {name[:12]} is damaged"


def _derived(reader: Reader) -> Iterator[str]:
    # one statement sees one state, also beside an engine that is appending
    rows = reader.db.conn.execute(
        """SELECT coalesce(e.run, r.run), coalesce(e.n, 0), coalesce(r.head_n, 0)
           FROM (SELECT run, max(n) AS n FROM events GROUP BY run) e FULL JOIN runs r ON r.run = e.run
           WHERE NOT EXISTS (SELECT 1 FROM events WHERE run = r.run AND n = e.n AND n = r.head_n AND hash = r.head_hash)
           ORDER BY 1"""
    )
    for run, last, head in rows:
        yield f"run {run} ends with event {last}, but the derived tables know it up to event {head}"


def _tips(reader: Reader, workspace: Workspace) -> Iterator[str]:
    for run, tip in tips.read_all(workspace.tips).items():
        row = reader.db.conn.execute("SELECT hash FROM events WHERE run = ? AND n = ?", (run, tip.n)).fetchone()
        if row is None:
            yield f"run {run} once had {tip.n} events and has lost the last of them"
        elif row[0] != tip.hash:
            yield f"event {tip.n} of run {run} is not the one that was written"


def _adapters(reader: Reader, workspace: Workspace) -> Iterator[str]:
    """Adapters that are here and are not what they were; one that is not here can be trained again."""
    for event in adapters.trained(reader):
        folder = workspace.path / "adapters" / event.payload.adapter
        if folder.is_dir() and not adapters.sound(folder):
            yield f"the adapter {event.payload.adapter[:12]}, which {_place(event.event)} names, is damaged"


def _commits(workspace: Workspace, commits: dict[str, str]) -> Iterator[str]:
    if not commits:
        return
    reachable = workspace.repository().reachable()
    for commit, place in commits.items():
        if commit not in reachable:
            yield f"{place} names the commit {commit[:12]}, which no ref of harness_repo reaches"
