"""Removes from a log: blobs that no event names, and whole runs on which no other run builds.

Events are append-only, and triggers hold that. Removing a whole run breaks no chain, so one transaction sets the guard
against deletion aside, deletes that run, and restores the guard. The run's row in `engines` stays with a
negative epoch: the log remembers that it was removed and not lost.
"""

from __future__ import annotations

import re
from typing import Any

from engine.events.codec import Unreadable, decode
from engine.events.reader import Reader
from engine.events.storage.connection import transaction
from engine.events.storage.database import Database

_GUARD = "events_no_delete"
_NAME = re.compile(rb"[0-9a-f]{64}")


def delete_run(connection: Any, run: str) -> int:
    """Deletes a run's events, inside a transaction that also takes it out of the derived tables. Returns how many."""
    (guard,) = connection.execute("SELECT sql FROM sqlite_master WHERE name = ?", (_GUARD,)).fetchone()
    connection.execute(f"DROP TRIGGER {_GUARD}")
    count = connection.execute("DELETE FROM events WHERE run = ?", (run,)).rowcount
    connection.execute(guard)
    connection.execute("UPDATE engines SET epoch = -abs(epoch) WHERE run = ?", (run,))
    return int(count)


def give_up(connection: Any, run: str) -> None:
    """Remembers a run of which the log has lost every event as removed."""
    connection.execute("INSERT INTO engines VALUES (?, -1) ON CONFLICT (run) DO UPDATE SET epoch = -abs(epoch)", (run,))


def removed_runs(reader: Reader) -> set[str]:
    """The runs that were removed (not lost). Some may have been imported again since."""
    return {run for (run,) in reader.rows("SELECT run FROM engines WHERE epoch < 0")}


def unneeded_blobs(reader: Reader) -> list[tuple[str, int]]:
    """(name, stored bytes) of the blobs that no event of any run names."""
    needed: set[str] = set()
    for kind, version, stored in reader.rows("SELECT type, v, payload FROM events"):
        try:
            needed.update(decode(kind, version, stored).blobs())
        except Unreadable:
            needed.update(name.decode() for name in _NAME.findall(stored))
    sizes = reader.rows("SELECT sha256, length(data) FROM blobs ORDER BY sha256")
    return [(name, size) for name, size in sizes if name not in needed]


def delete_unneeded_blobs(db: Database, reader: Reader) -> list[int]:
    """Deletes those blobs and frees their disk space; returns their sizes. No engine may work on any run."""
    with transaction(db, durable=True) as connection:
        found = unneeded_blobs(reader)
        connection.executemany("DELETE FROM blobs WHERE sha256 = ?", [(name,) for name, _ in found])
    if found:
        db.execute("VACUUM")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return [size for _, size in found]
