"""Files that are not what they should be: one sentence, and not a byte changed."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlite_utils.utils import sqlite3 as engine_sqlite

from domains import atomic
from engine import trust
from engine.errors import SiaError
from engine.events.log import RunLog
from engine.events.reader import Reader
from engine.events.storage import connection, schema
from engine.events.storage.database import Database
from engine.sandbox.selftest import probe
from tests.histories import Play, started


def not_a_database(path: Path) -> None:
    path.write_bytes(b"Dear diary, " * 500)


def truncated(path: Path) -> None:
    with contextlib.closing(RunLog.hold(path.parent, "r1")) as log:
        Play(log).to_rest()  # type: ignore[arg-type]
    path.write_bytes(path.read_bytes()[:6000])


def newer(path: Path) -> None:
    with contextlib.closing(RunLog.hold(path.parent, "r1")) as log:
        log.db.conn.execute("PRAGMA user_version = 99")


def newer_sealed(path: Path) -> None:
    newer(path)
    sql(path, "PRAGMA journal_mode = DELETE")


def foreign(path: Path) -> None:
    sql(path, "CREATE TABLE photos (id); INSERT INTO photos VALUES (1)")


def foreign_with_events(path: Path) -> None:
    sql(path, "PRAGMA application_id = 77; CREATE TABLE events (id); PRAGMA journal_mode = WAL")


def foreign_and_empty(path: Path) -> None:
    sql(path, "PRAGMA application_id = 77")


def sql(path: Path, script: str) -> None:
    connection = engine_sqlite.connect(path)
    connection.executescript(script)
    connection.close()


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (not_a_database, "is damaged"),
        (truncated, "is damaged"),
        (newer, "newer release of sia; upgrade"),
        (newer_sealed, "newer release of sia; upgrade"),
        (foreign, "is not a log of sia"),
        (foreign_with_events, "is not a log of sia"),
        (foreign_and_empty, "is not a log of sia"),
    ],
)
@pytest.mark.parametrize("use", ["read", "write"])
def test_a_strange_file_is_refused_and_left_alone(
    workspace: Path, make: Callable[[Path], None], says: str, use: str
) -> None:
    path = workspace / "events.db"
    make(path)
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    with pytest.raises(SiaError, match=says) as caught:
        if use == "write":
            RunLog.hold(workspace, "r9")
        else:
            with contextlib.closing(Reader.open(path)) as reader:
                list(reader.history(reader.find("last").run))
    assert "\n" not in str(caught.value)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == before


def test_a_missing_log_is_one_sentence_and_is_not_created(workspace: Path) -> None:
    with pytest.raises(SiaError, match="there is no log at"):
        Reader.open(workspace / "events.db")
    assert list(workspace.iterdir()) == []


def test_an_awkward_folder_holds_the_log_under_its_own_name(workspace: Path, finished: str, reader: Reader) -> None:
    assert (workspace / "events.db").stat().st_size > 0
    assert reader.find("last").run == finished
    assert [path.name for path in workspace.parent.iterdir()] == [workspace.name]


LOOK = """
import sys, pathlib
from engine.errors import SiaError
from engine.events.reader import Reader
try:
    print(*[run.run for run in Reader.open(pathlib.Path(sys.argv[1])).runs()])
except SiaError as error:
    print(error)
"""


def seen_on_read_only_media(log: Path) -> str:
    command = [next(probe._binaries())[0], "--ro-bind", "/", "/", sys.executable, "-c", LOOK, str(log)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_a_log_on_read_only_media_is_read(workspace: Path, finished: str) -> None:
    log = workspace / "events.db"
    assert seen_on_read_only_media(log) == finished
    assert [path for path in workspace.iterdir() if path.name.startswith("events.db")] == [log]


def test_of_a_killed_engine_too_where_all_its_files_are_there(workspace: Path, finished: str) -> None:
    with contextlib.closing(RunLog.hold(workspace, "r2")) as killed:
        killed.append([(0, msgspec.structs.replace(started(), name="later"))])
        for name in ("events.db", "events.db-wal", "events.db-shm"):
            shutil.copy(workspace / name, workspace.parent)
    copy = workspace.parent / "events.db"
    assert seen_on_read_only_media(copy) == f"{finished} r2"
    (workspace.parent / "events.db-shm").unlink()
    assert "cannot be opened for this command; check its permissions, or read a copy" in seen_on_read_only_media(copy)
    (workspace.parent / "events.db-wal").write_bytes(b"")
    assert seen_on_read_only_media(copy) == finished


def test_a_folder_in_which_its_owner_may_not_write_is_read(
    workspace: Path, finished: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not that of another user, whose engine may begin to write while it is read."""
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert connection._cannot_change(workspace / "events.db")
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    assert not connection._cannot_change(workspace / "events.db")


KILLED = """
import os, signal, sys
from engine.events.storage.database import sqlite3
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("PRAGMA journal_mode = DELETE")
db.execute("PRAGMA cache_size = 1")
db.execute("BEGIN IMMEDIATE")
db.execute("CREATE TABLE halfway (text)")
db.executemany("INSERT INTO halfway VALUES (?)", [("x" * 3000,)] * 50)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("trusted", [True, False])
def test_what_a_killed_writer_left_half_done_is_undone_by_whoever_reads_first(
    workspace: Path, finished: str, trusted: bool
) -> None:
    subprocess.run([sys.executable, "-c", KILLED, workspace / "events.db"], check=False)
    assert (workspace / "events.db-journal").stat().st_size
    trust.remember(workspace) if trusted else trust.forget(workspace)
    if trusted:
        with contextlib.closing(Reader.open(workspace / "events.db")) as reader:
            assert [run.run for run in reader.runs()] == [finished]
            assert "halfway" not in reader.db.table_names()
    else:  # the journal may name any file as one to delete
        with pytest.raises(SiaError, match="cannot be opened"):
            Reader.open(workspace / "events.db")
        assert (workspace / "events.db-journal").exists()


def test_a_new_log_is_in_its_final_mode_when_it_appears(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A change of mode in place, if killed, leaves a journal that no reader can undo."""
    seen: list[bytes] = []
    move = atomic.move

    def look(fresh: Path, target: Path, **more: bool) -> None:
        if target.name == "events.db":
            seen.append(fresh.read_bytes()[18:20])
        assert not fresh.with_name(f"{fresh.name}-wal").exists()
        move(fresh, target, **more)

    monkeypatch.setattr(atomic, "move", look)
    RunLog.hold(workspace, "r1").close()
    assert seen == [b"\x02\x02"]  # write and read version of SQLite's header: WAL


@pytest.mark.parametrize("statement", ["DELETE FROM blobs", "DROP TABLE runs", "PRAGMA user_version = 5"])
def test_a_reader_cannot_write(finished: str, reader: Reader, statement: str) -> None:
    with pytest.raises(engine_sqlite.OperationalError, match="readonly"):
        reader.db.conn.execute(statement)


def test_a_folder_that_cannot_be_written_is_one_sentence(as_ordinary_user: Callable[[], Path]) -> None:
    with pytest.raises(SiaError, match=r"cannot be written .*; choose another folder with --workspace"):
        RunLog.hold(as_ordinary_user(), "r1")


def test_a_file_that_cannot_be_written_is_one_sentence(as_ordinary_user: Callable[[], Path]) -> None:
    folder: Path = as_ordinary_user.folder  # type: ignore[attr-defined]
    RunLog.hold(folder, "r1").close()
    sql(folder / "events.db", "PRAGMA journal_mode = DELETE")
    as_ordinary_user()
    with pytest.raises(SiaError):
        RunLog.hold(folder, "r1")
    with contextlib.closing(Reader.open(folder / "events.db")) as reader:
        assert reader.runs() == []


def test_a_sealed_log_is_read_where_nothing_can_be_written(as_ordinary_user: Callable[[], Path]) -> None:
    folder: Path = as_ordinary_user.folder  # type: ignore[attr-defined]
    with contextlib.closing(RunLog.hold(folder, "r1")) as log:
        log.append([(0, started())])
        log.db.conn.execute("VACUUM INTO ?", (str(folder / "sealed.db"),))
    as_ordinary_user()
    with contextlib.closing(Reader.open(folder / "sealed.db")) as reader:
        assert [event.type for event in reader.history("r1")] == ["run.started"]


def test_a_log_says_whose_it_is(workspace: Path, finished: str) -> None:
    with contextlib.closing(sqlite3.connect(workspace / "events.db")) as connection:
        assert connection.execute("PRAGMA application_id").fetchone() == (schema.APPLICATION_ID,)
        assert connection.execute("PRAGMA user_version").fetchone() == (schema.SCHEMA_VERSION,)


def test_the_schema_version_counts_the_migrations() -> None:
    assert len(schema.migrations().pending(_Blank())) == schema.SCHEMA_VERSION


class _Blank:
    """A database in which no migration was applied."""

    def __getitem__(self, name: str) -> _Blank:
        return self

    def exists(self) -> bool:
        return False


def test_a_new_log_is_whole_before_it_is_closed(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    others: list[Any] = []
    prepare = schema.prepare

    def prepare_and_stay(db: Database) -> None:
        """So that closing leaves the write-ahead log, as it does where it meets an error."""
        prepare(db)
        others.append(connection.connect_plainly(db.execute("PRAGMA database_list").fetchone()[2]))
        others[-1].execute("SELECT count(*) FROM sqlite_master").fetchone()

    monkeypatch.setattr(schema, "prepare", prepare_and_stay)
    connection.open_writer(workspace / "events.db").close()
    for other in others:
        other.close()
    with contextlib.closing(Reader.open(workspace / "events.db")) as reader:
        assert reader.runs() == []
