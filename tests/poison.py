"""Logs with a record that cannot be read, as earlier releases could write one: nothing is amiss but its payload."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.events.event import GENESIS, Event, chain_hash
from engine.events.reader import COLUMNS, Reader
from engine.events.storage.connection import connect_plainly

Spoil = Callable[[dict[str, Any]], bytes]


def _each(value: Any) -> Spoil:
    return lambda payload: json.dumps(dict.fromkeys(payload or {"reason": 0}, value)).encode()


FORMS: dict[str, Spoil] = {
    "NaN, which is written as null": _each(None),
    "NaN as JavaScript writes it": lambda payload: json.dumps(dict.fromkeys(payload, float("nan"))).encode(),
    "a number of 400 digits": _each(10**400),
    "a list": _each([[]]),
    "a list of parts": _each([{"type": "text", "text": "\0"}]),
    "nothing": lambda _: b"null",
    "half a surrogate": lambda _: rb'{"reason":"\ud83d"}',
    "latin-1": lambda _: b'{"reason":"\xe9"}',
    "no JSON": lambda _: b"\0\0",
    "nested without end": lambda _: b"[" * 100_000,
}


def events_of(path: Path) -> list[Event]:
    """All events of a log, in the order in which they were stored."""
    with contextlib.closing(Reader.open(path)) as reader:
        return list(reader.all_events())


def poisoned(target: Path, source: Path, seq: int, stored: bytes, *, kind: str = "", cut: bool = True) -> None:
    """A copy of the log `source` whose event `seq` has the payload `stored`; with `cut` nothing comes after it."""
    shutil.copy(source, target)
    with contextlib.closing(connect_plainly(str(target))) as connection:
        connection.execute("BEGIN")
        guards = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in guards:
            connection.execute(f"DROP TRIGGER {name}")
        if cut:
            for table in ("events", "results", "replies"):
                connection.execute(f"DELETE FROM {table} WHERE seq > ?", (seq,))  # noqa: S608
        connection.execute(
            "UPDATE events SET payload = ?1, type = iif(?2 = '', type, ?2) WHERE seq = ?3", (stored, kind, seq)
        )
        _chain(connection)
        for _, sql in guards:
            connection.execute(sql)
        connection.execute("COMMIT")


def _chain(connection: Any) -> None:
    """Makes hashes and heads right again."""
    now = {GENESIS: GENESIS}
    for event in [Event(*row) for row in connection.execute(f"SELECT {COLUMNS} FROM events ORDER BY seq")]:  # noqa: S608
        before = now[event.prev_hash]
        of = (before, event.run, event.n, event.type, event.v, event.at, event.generation, event.stored)
        now[event.hash] = chain_hash(*of)
        connection.execute(
            "UPDATE events SET prev_hash = ?, hash = ? WHERE seq = ?", (before, now[event.hash], event.seq)
        )
    heads = "SELECT n, hash FROM events e WHERE e.run = runs.run ORDER BY n DESC LIMIT 1"
    connection.execute(f"DELETE FROM runs WHERE NOT EXISTS ({heads})")  # noqa: S608
    connection.execute(f"UPDATE runs SET (head_n, head_hash) = ({heads})")  # noqa: S608
