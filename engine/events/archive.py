"""The `.sia` format: a run and everything that its history needs, in one self-contained SQLite file.

    export   one row: what this file is, and a digest over all that it holds
    packs    events in order, up to `PACK` of them compressed together; without hashes, which follow from the contents
    blobs    as in the log

Plain rows would take three times the room (most of a row is hashes and repeated words), and a reader would have to
trust derived tables that a stranger may have written. So the events are packed, and opening the file fills a log in
memory from them, checking everything on the way.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path

import msgspec

APPLICATION_ID = 0x53494158  # "SIAX"
FORMAT = 2  # kept in PRAGMA user_version; 1 where there are no readings
PACK = 1024
SCHEMA = {
    "export": """CREATE TABLE export (
        run TEXT NOT NULL, name TEXT NOT NULL, n INTEGER NOT NULL, hash TEXT NOT NULL, events INTEGER NOT NULL,
        left_out BLOB NOT NULL, digest TEXT NOT NULL, made_by TEXT NOT NULL) STRICT""",
    "packs": "CREATE TABLE packs (first INTEGER PRIMARY KEY, data BLOB NOT NULL) STRICT",
    "blobs": "CREATE TABLE blobs (sha256 TEXT PRIMARY KEY, codec TEXT NOT NULL, data BLOB NOT NULL) STRICT",
}
Packed = tuple[str, int, str, int, int, int, bytes]
"""(run, n, type, v, at, generation, payload): an event without its hashes"""


def is_archive(path: Path) -> bool:
    """Whether the file claims to be a `.sia` file (application id: bytes 68 to 71 of an SQLite file)."""
    if not path.is_file():
        return False  # opening a pipe would wait for its writer
    with contextlib.suppress(OSError), path.open("rb") as file:
        head = file.read(72)
        return head[:16] == b"SQLite format 3\0" and head[68:] == APPLICATION_ID.to_bytes(4, "big")
    return False


READINGS = "CREATE TABLE readings (name TEXT PRIMARY KEY) STRICT"
"""A table of files of format 2: readings of the domain's test split that the exporting machine knew of."""
MAX_READINGS = 10_000


class Manifest(msgspec.Struct, frozen=True):
    """The row of `export`: the run that was exported and its last event.

    `left_out` are the names of blobs that stayed behind, 32 bytes each, in order, compressed. `readings` are in a table
    of their own.
    """

    run: str
    name: str
    n: int
    hash: str
    events: int
    left_out: bytes
    digest: str
    made_by: str
    readings: tuple[str, ...] = ()


def tables(*, readings: bool) -> list[str]:
    """The statements that make the tables of a file."""
    return [*SCHEMA.values(), *([READINGS] if readings else [])]


def contents_digest(
    run: str, hashes: Iterable[str], blobs: Iterable[str], left_out: Iterable[str], readings: Iterable[str] = ()
) -> str:
    """SHA-256 over the run, the hashes of all events in order, names of the blobs here and left out, and readings."""
    import hashlib  # the app's first paint does without

    seal = hashlib.sha256(f"sia export 1\n{run}\n".encode())  # without readings, as in format 1
    for mark, names in (("e", hashes), ("b", sorted(blobs)), ("o", sorted(left_out)), ("r", sorted(readings))):
        for name in names:
            seal.update(f"{mark}{name}\n".encode())
    return seal.hexdigest()


def needs(payloads: Iterable[tuple[list[str], list[str]]], *, data: bool) -> tuple[set[str], set[str]]:
    """From (blobs, withheld) of all payloads: the names of the blobs to include, and of those to leave out."""
    every: set[str] = set()
    kept: set[str] = set()
    for names, withheld in payloads:
        every.update(names)
        kept.update(names if data else set(names) - set(withheld))
    return kept, every - kept
