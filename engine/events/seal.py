"""Writes a `.sia` file: the whole history of a run, from one snapshot of the log, into a file that appears complete."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import zstandard

from domains import atomic
from engine.errors import SiaError
from engine.events import archive
from engine.events.archive import Manifest
from engine.events.event import Event
from engine.events.reader import Reader, RunRow
from engine.events.storage.connection import connect_plainly, explained
from engine.events.types import Payload, Unread

_LEVEL = 12


@contextlib.contextmanager
def snapshot(reader: Reader) -> Iterator[None]:
    """Reads inside the block see one snapshot of the log, even while an engine appends."""
    reader.db.conn.execute("BEGIN")
    try:
        yield
    finally:
        reader.db.conn.execute("ROLLBACK")


def lineage(reader: Reader, run: RunRow) -> list[Event]:
    """All events that the history of `run` needs, parents first.

    That is the history and, for an ancestor that contributes no event (a fork from before the parent's own first
    event), the event that names its parent, with everything before it. Raises `SiaError` where an event is not what its
    hash says.
    """
    rows = {row.run: row for row in reader.runs()}
    reader.segments(run.run)  # raises where one of them is missing
    parts: list[list[Event]] = []
    current: RunRow | None = run
    last: int | None = None
    while current is not None:
        parts.append(reader.own(current.run, last) or reader.own(current.run)[:1])
        last = current.parent_n
        current = rows.get(current.parent or "")
    events = [event for part in reversed(parts) for event in part]
    for event in events:
        if event.expected_hash() != event.hash:
            raise SiaError(f"event {event.n} of {run.name} was altered", "`sia verify` says what still holds")
    return events


def seal(
    reader: Reader, run: RunRow, target: Path, *, data: bool, made_by: str, readings: Iterable[str] = ()
) -> Manifest:
    """Writes `run` to `target`, which must not exist; logs of instances go along with `data` only.

    `readings` of the domain's test split are told to the machine that imports the file.
    """
    check_target(target)
    told = tuple(sorted(readings)[: archive.MAX_READINGS])
    with snapshot(reader):
        events = lineage(reader, run)
        payloads = [event.payload for event in events]
        _check_read(run, events, payloads)
        kept, left_out = archive.needs(((payload.blobs(), payload.withheld()) for payload in payloads), data=data)
        absent = {name for (name,) in reader.db.conn.execute("SELECT sha256 FROM blobs WHERE codec = 'left out'")}
        kept, left_out = kept - absent, left_out | (kept & absent)
        manifest = Manifest(
            run=run.run,
            name=run.name,
            n=events[-1].n,
            hash=events[-1].hash,
            events=len(events),
            left_out=zstandard.compress(bytes.fromhex("".join(sorted(left_out))), _LEVEL),
            digest=archive.contents_digest(run.run, (event.hash for event in events), kept, left_out, told),
            made_by=made_by,
            readings=told,
        )
        with new_file(target) as scratch:
            _write(scratch, manifest, events, _read_stored(reader, kept))
    return manifest


def _check_read(run: RunRow, events: Sequence[Event], payloads: Sequence[Payload]) -> None:
    """Raises `SiaError` where one of them cannot be read, since no import takes it."""
    for event, payload in zip(events, payloads, strict=True):
        if isinstance(payload, Unread):
            raise SiaError(
                f"event {event.n} of {run.name} cannot be read, and no import would take it",
                f"export it as .jsonl, or a fork from before it: `sia fork {run.name} --at {event.n - 1}`",
            )


def _read_stored(reader: Reader, names: Iterable[str]) -> Iterator[tuple[str, str, bytes]]:
    for name in sorted(names):
        reader.blob(name)  # raises where it is damaged
        codec, stored = reader.db.conn.execute("SELECT codec, data FROM blobs WHERE sha256 = ?", (name,)).fetchone()
        yield name, codec, stored


def _write(path: Path, manifest: Manifest, events: list[Event], blobs: Iterable[tuple[str, str, bytes]]) -> None:
    with explained(path), contextlib.closing(connect_plainly(str(path))) as connection:
        connection.execute(f"PRAGMA application_id = {archive.APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {archive.FORMAT if manifest.readings else 1}")
        connection.execute("PRAGMA journal_mode = DELETE").fetchone()
        connection.execute("BEGIN")
        for statement in archive.tables(readings=bool(manifest.readings)):
            connection.execute(statement)
        row = msgspec.structs.astuple(manifest)[:-1]
        connection.execute("INSERT INTO export VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
        if manifest.readings:
            connection.executemany("INSERT INTO readings VALUES (?)", [(name,) for name in manifest.readings])
        for first in range(0, len(events), archive.PACK):
            connection.execute("INSERT INTO packs VALUES (?, ?)", (first, _pack(events[first : first + archive.PACK])))
        connection.executemany("INSERT INTO blobs VALUES (?, ?, ?)", blobs)
        connection.execute("COMMIT")
        connection.execute("VACUUM")


def _pack(events: list[Event]) -> bytes:
    rows: list[Any] = [(e.run, e.n, e.type, e.v, e.at, e.generation, e.stored) for e in events]
    return zstandard.compress(msgspec.msgpack.encode(rows), _LEVEL)


def check_target(target: Path) -> None:
    """Raises `SiaError` where `target` already exists, or its folder does not."""
    if target.exists():
        raise SiaError(f"{target} already exists", "choose another name, or remove it")
    if not target.absolute().parent.is_dir():
        raise SiaError(f"the folder {target.absolute().parent} does not exist", "create it")


@contextlib.contextmanager
def new_file(target: Path) -> Iterator[Path]:
    """A path to write to. At the end of the block the file is moved to `target`; raises `SiaError` if one is there."""
    with explained(target):
        try:
            with atomic.create(target, replace=False) as scratch:
                yield scratch
        except FileExistsError:
            raise SiaError(f"{target} already exists", "choose another name, or remove it") from None
