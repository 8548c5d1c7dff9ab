"""A thin wrapper of an SQLite connection, for reading and appending. Only migrations use sqlite-utils'.

Importing sqlite-utils costs more than painting a first screen, so it is imported where a log is made or migrated.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

try:  # bundles an SQLite that is free of the WAL-reset bug, where it has wheels
    import pysqlite3 as sqlite3
except ModuleNotFoundError:
    import sqlite3

__all__ = ["Database", "sqlite3"]


class Database:
    """A connection; `conn` is SQLite's own."""

    def __init__(self, conn: Any) -> None:
        self.conn = conn

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> Any:
        """Executes one statement."""
        return self.conn.execute(sql, parameters)

    def table_names(self) -> list[str]:
        """The names of all tables."""
        rows = self.conn.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        return [name for (name,) in rows]

    def close(self) -> None:
        """Closes the connection."""
        self.conn.close()
