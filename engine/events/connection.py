"""SQLite connections: one writer a process, any number of readers that can never write.

pysqlite3 is preferred because SQLite before 3.51.3 can corrupt a WAL database when two connections write or
checkpoint at once (the WAL-reset bug); `sqlite_version` is what `doctor` shows.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlite_utils import Database
from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]

from engine.errors import SiaError
from engine.events import schema

BUSY_MS = 10_000
sqlite_version: str = sqlite3.sqlite_version
IntegrityError: type[Exception] = sqlite3.IntegrityError


def _uri(path: Path, mode: str) -> str:
    return f"file:{quote(str(path.absolute()))}?mode={mode}"


def _connect(path: Path, mode: str) -> Database:
    connection = sqlite3.connect(_uri(path, mode), uri=True, isolation_level=None, check_same_thread=False)
    connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
    return Database(connection, execute_plugins=False)


def open_writer(path: Path) -> Database:
    """Opens or creates the log for appending."""
    with explained(path):
        db = _connect(path, "rwc")
        try:
            schema.check(db, path)
            if not _is_wal(db):
                db.execute("PRAGMA journal_mode = WAL").fetchone()
            schema.prepare(db)
        except BaseException:
            db.close()
            raise
        return db


def open_reader(path: Path) -> Database:
    """Opens the log read-only; works on read-only media for a sealed file."""
    if not path.is_file():
        raise SiaError(f"there is no log at {path}", "start a run with `sia run lawbench`, or pass --workspace")
    with explained(path):
        db = _connect(path, "ro")
        try:
            schema.check_log(db, path)
        except BaseException:
            db.close()
            raise
        return db


def _is_wal(db: Database) -> bool:
    (mode,) = db.execute("PRAGMA journal_mode").fetchone()
    return bool(mode == "wal")


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turns what SQLite and the file system say into one sentence with a remedy."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise _explain(path, error) from error
    except PermissionError as error:
        raise SiaError(f"{path.parent} cannot be written", "choose another folder with --workspace") from error


def _explain(path: Path, error: Exception) -> SiaError:
    text = str(error)
    if "full" in text:
        return SiaError(f"the disk that holds {path} is full", "free some space and run `sia resume`")
    if "readonly" in text or "unable to open" in text:
        return SiaError(f"{path} cannot be opened for this", "check its permissions, or pass --workspace")
    if "not a database" in text or "malformed" in text:
        return SiaError(f"{path} is damaged ({text})", "restore it from a copy; `sia verify` says what still holds")
    if "locked" in text or "busy" in text:
        return SiaError(f"{path} is held by another program", "close it and try again")
    return SiaError(f"{path}: {text}", "run `sia verify`")


@contextmanager
def transaction(db: Database, *, durable: bool) -> Iterator[Any]:
    """One BEGIN IMMEDIATE transaction. `durable` waits for the disk (synchronous=FULL)."""
    connection = db.conn
    connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
