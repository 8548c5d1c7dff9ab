"""SQLite connections: one writer a process, any number of readers that can never write.

pysqlite3 is preferred because SQLite before 3.51.3 can corrupt a WAL database when two connections write or
checkpoint at once (the WAL-reset bug); `sqlite_version` is what `doctor` shows.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from domains import atomic
from engine import containment
from engine.errors import SiaError
from engine.events.storage import schema
from engine.events.storage.database import Database, sqlite3

BUSY_MS = 10_000
STEPS, PAUSE_S, LONGEST_S = 100_000, 1.0, 30.0
sqlite_version: str = sqlite3.sqlite_version
IntegrityError: type[Exception] = sqlite3.IntegrityError
DatabaseError: type[Exception] = sqlite3.DatabaseError


def _uri(path: Path, mode: str) -> str:
    return f"file:{quote(os.fsencode(path.absolute()))}?mode={mode}"


def _connect(path: Path, mode: str, options: str = "") -> Database:
    connection = sqlite3.connect(_uri(path, mode) + options, uri=True, isolation_level=None, check_same_thread=False)
    connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
    connection.execute("PRAGMA trusted_schema = OFF")
    if mode == "ro":
        connection.execute("PRAGMA query_only = ON")
        connection.execute("PRAGMA cell_size_check = ON")
        connection.set_progress_handler(_Work().is_endless, STEPS)
    return Database(connection)


class _Work:
    """How long SQLite has worked without a pause: a forged file of a few pages can claim an endless number of rows.

    SQLite asks after so many steps. A pause means that its last statement has ended, or that its rows are being used.
    """

    def __init__(self) -> None:
        self._since = self._last = 0.0

    def is_endless(self) -> bool:
        """Whether it has worked for more than `LONGEST_S`."""
        now = time.monotonic()
        if now - self._last > PAUSE_S:
            self._since = now
        self._last = now
        return now - self._since > LONGEST_S


def open_writer(path: Path) -> Database:
    """Opens or creates the log of a workspace for appending."""
    containment.check_workspace(path.parent)
    with explained(path):
        if not path.exists():
            _create(path)
        db = _connect(path, "rw")
        try:
            schema.check(db, path)
            if not _is_wal(db):
                db.execute("PRAGMA journal_mode = WAL").fetchone()
            schema.prepare(db)
        except BaseException:
            db.close()
            raise
        return db


def _create(path: Path) -> None:
    """Creates an empty log that is complete when it appears. Of two processes that create it at once, one wins."""
    from engine import trust  # the app's first paint does without

    trust.begin(path.parent)
    with (
        contextlib.suppress(FileExistsError),
        atomic.create(path, replace=False) as made,
        contextlib.closing(_connect(made, "rwc")) as db,
    ):
        db.execute("PRAGMA journal_mode = WAL").fetchone()  # a later change could be cut short and leave a journal
        schema.prepare(db)
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()  # closing does it too, but tells of no error


def open_reader(path: Path) -> Database:
    """Opens the log read-only, also on read-only media."""
    if not path.is_file():
        raise SiaError(
            f"there is no log at {path}",
            "start a run with `sia run toy`, replay the recorded one with `sia replay recorded`, or pass --workspace",
        )
    containment.check_workspace(path.parent)
    with explained(path):
        _roll_back(path)
        db = _connect(path, "ro", "&immutable=1" if _cannot_change(path) else "")
        try:
            schema.check_log(db, path)
        except BaseException:
            db.close()
            raise
        return db


def _roll_back(path: Path) -> None:
    """Undoes what a killed writer has left half done in a journal, which a connection that only reads cannot.

    Only in a workspace that its user trusts: a journal names files that SQLite then deletes.
    """
    journal = path.with_name(f"{path.name}-journal")
    if not journal.is_file() or not journal.stat().st_size:
        return
    from engine import trust

    if not trust.untrusted(path.parent):
        with contextlib.suppress(sqlite3.OperationalError), contextlib.closing(_connect(path, "rw")) as db:
            db.execute("SELECT count(*) FROM sqlite_master").fetchone()


def _cannot_change(path: Path) -> bool:
    """Whether the log stays as it is while it is read, and is whole without the files beside it.

    To read a log that can change, SQLite makes files beside it.
    """
    beside = [path.with_name(path.name + ending) for ending in ("-wal", "-journal")]
    if os.access(path.parent, os.W_OK) or any(file.exists() and file.stat().st_size for file in beside):
        return False
    read_only = os.statvfs(path).f_flag & os.ST_RDONLY
    return bool(read_only) or path.parent.stat().st_uid == os.geteuid()  # another user's engine may begin to write


def connect_plainly(place: str) -> Any:
    """A connection to `place` that expects no log; `:memory:` is a database of its own."""
    return sqlite3.connect(place, isolation_level=None, check_same_thread=False)


def read_alone(path: Path) -> Any:
    """A connection to an untrusted file that nobody writes to.

    Nothing beside the file is looked at (no journal, no WAL), no view or trigger that the file may define can do
    anything, and nothing but reading is allowed.
    """
    connection = sqlite3.connect(f"{_uri(path, 'ro')}&immutable=1", uri=True, isolation_level=None)
    for pragma in ("trusted_schema = OFF", "cell_size_check = ON", "query_only = ON", "mmap_size = 0"):
        connection.execute(f"PRAGMA {pragma}")
    connection.set_authorizer(_only_reading)
    return connection


def _only_reading(action: int, first: str | None, second: str | None, place: str | None, trigger: str | None) -> int:
    allowed = (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ)
    plain = action == sqlite3.SQLITE_FUNCTION and second in ("length", "coalesce", "count", "max", "sum")
    asked = action == sqlite3.SQLITE_PRAGMA and first == "user_version" and second is None
    return int(sqlite3.SQLITE_OK if (action in allowed and trigger is None) or plain or asked else sqlite3.SQLITE_DENY)


def _is_wal(db: Database) -> bool:
    (mode,) = db.execute("PRAGMA journal_mode").fetchone()
    return bool(mode == "wal")


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Translates errors of SQLite and the file system into one sentence with a remedy."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise _explain(path, error) from error
    except UnicodeDecodeError as error:
        raise SiaError(f"{path} is damaged (a text in it is not UTF-8)", "restore it from a copy") from error
    except PermissionError as error:
        raise SiaError(f"{path.parent} cannot be written", "choose another folder with --workspace") from error


def _explain(path: Path, error: Exception) -> SiaError:
    # SQLite quotes the file
    text = " ".join("".join(char if char.isprintable() else " " for char in str(error)[:200]).split())
    if "full" in text:
        return SiaError(f"the disk that holds {path} is full", "free some space and run `sia resume`")
    if "readonly" in text or "unable to open" in text:
        return SiaError(
            f"{path} cannot be opened for this command",
            "check its permissions, or read a copy in a folder of your own (--workspace)",
        )
    if "not a database" in text or "malformed" in text:
        return SiaError(f"{path} is damaged ({text})", "restore it from a copy; `sia verify` says what still holds")
    if "interrupted" in text:
        return SiaError(f"{path} is damaged or forged: reading it does not end", "restore it from a copy")
    if "locked" in text or "busy" in text:
        return SiaError(f"{path} is locked by another program", "close it and try again")
    return SiaError(f"{path}: {text}", "run `sia verify`")


def sync_wal(path: Path) -> None:
    """Waits until what was committed to the log at `path` is on the disk. Raises `OSError`."""
    with contextlib.suppress(FileNotFoundError):  # all of it was checkpointed, which syncs too
        descriptor = os.open(f"{path}-wal", os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


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
