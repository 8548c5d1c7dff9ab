"""Inserts an event and updates the derived tables, inside the caller's transaction."""

from __future__ import annotations

from typing import Any

from engine.events import readmodels
from engine.events.event import Event
from engine.events.types import Payload

Row = tuple[str, int, str, int, int, int, bytes, str, str]
"""(run, n, type, v, at, generation, payload, prev_hash, hash)"""


def insert(connection: Any, row: Row, payload: Payload) -> Event:
    """Stores an event under the next `seq`; triggers refuse one that does not extend a chain."""
    seq = connection.execute(
        """INSERT INTO events (run, n, type, v, at, generation, payload, prev_hash, hash)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        row,
    ).lastrowid
    event = Event(seq, *row)
    readmodels.project(connection, event, payload)
    return event
