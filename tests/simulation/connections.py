"""SQLite's connections to a simulated disk: those of writers, whose commits are effects, and one for all readers.

Everything else about them is real. To open one costs as much as many statements: readers open it once in a life.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.events.storage.connection import open_reader
from engine.events.storage.database import Database, sqlite3

if TYPE_CHECKING:
    from tests.simulation.disk import Disk


class Connections:
    """All connections to the log of one disk."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._writers: list[Any] = []
        self._reader: _Shared | None = None

    def writer(self, real: Any) -> Writer:
        """What a writer has in place of its connection."""
        self._writers.append(real)
        return Writer(self, self._disk, real)

    def reader(self, path: Path) -> Database:
        """The log, read-only."""
        if self._reader is None:
            self._reader = _Shared(open_reader(path).conn)
        return self._reader

    def end(self, real: Any) -> None:
        """Closes a writer's connection; the last one finds no reader, so that it empties the WAL, as always."""
        if self._writers == [real]:
            self._close_reader()
        real.close()
        self._writers = [one for one in self._writers if one is not real]

    def close(self) -> None:
        """Closes all of them."""
        self._close_reader()
        for one in self._writers:
            with contextlib.suppress(sqlite3.Error):
                one.close()
        self._writers.clear()

    def _close_reader(self) -> None:
        if self._reader is not None:
            self._reader.conn.close()
            self._reader = None


class _Shared(Database):
    """A connection that outlives those who read by it."""

    def close(self) -> None:
        pass


class Writer:
    """A writer's connection."""

    def __init__(self, connections: Connections, disk: Disk, real: Any) -> None:
        self._connections, self._disk, self._real, self._durable = connections, disk, real, False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def execute(self, sql: str, *parameters: Any) -> Any:
        machine = self._disk.machine
        if machine.dead and sql != "ROLLBACK":
            raise machine.end
        if sql.startswith("PRAGMA synchronous"):
            self._durable = sql.endswith("FULL")
        if sql == "BEGIN IMMEDIATE" and machine.point("begin", "locked"):
            raise sqlite3.OperationalError("database is locked")
        if sql != "COMMIT":
            return self._real.execute(sql, *parameters)
        if fault := machine.point("commit", "database or disk is full", "disk I/O error"):
            raise sqlite3.OperationalError(fault)
        done = self._real.execute(sql)
        if self._durable:
            self._disk.sync()
        machine.point("committed")
        return done

    def close(self) -> None:
        self._connections.end(self._real)
