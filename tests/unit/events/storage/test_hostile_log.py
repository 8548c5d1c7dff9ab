"""A log from a stranger runs nothing of theirs, and reading it ends."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlite_utils.utils import sqlite3

from engine.errors import SiaError
from engine.events.log import RunLog
from engine.events.reader import Reader
from engine.events.storage import connection as connections
from engine.events.storage.connection import open_writer
from tests.histories import Play

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
VIEW = f"""CREATE VIEW runs (
    run, name, domain, root, parent, parent_n, created_at, created_seq, status, generation, best, head_n, head_hash)
    AS {ENDLESS} SELECT i, i, 'd', 'r', NULL, NULL, 1, 1, 'running', 1, 0.5, 1, 'h' FROM n"""  # noqa: S608

SCHEMAS = {
    "an endless view": f"DROP TABLE runs; {VIEW}",
    "an endless view that calls itself a table": f"""
        CREATE TABLE notes (x);
        PRAGMA writable_schema = ON;
        DELETE FROM sqlite_master WHERE tbl_name = 'runs';
        UPDATE sqlite_master SET rootpage = 0, sql = '{VIEW.replace("'", "''")}' WHERE name = 'notes'""",  # noqa: S608
    "a trigger without end": f"""CREATE TRIGGER more BEFORE INSERT ON engines
        BEGIN SELECT count(*) FROM ({ENDLESS} SELECT i FROM n); END""",  # noqa: S608
    "a generated column": """DROP TABLE runs;
        CREATE TABLE runs (run TEXT, name TEXT AS (hex(zeroblob(500000000))), created_seq INTEGER)""",
    "a check": "DROP TABLE engines; CREATE TABLE engines (run TEXT CHECK (length(randomblob(999999999)) > 0), epoch)",
    "an index over an expression": "CREATE INDEX more ON events (length(zeroblob(900000000)))",
    "a virtual table": "DROP TABLE runs; CREATE VIRTUAL TABLE runs USING fts5(run, name)",
    "another table in our place": "DROP TABLE runs; CREATE TABLE RUNS (run TEXT)",
    "a weakened trigger": """DROP TRIGGER events_no_delete;
        CREATE TRIGGER events_no_delete BEFORE DELETE ON runs BEGIN SELECT 1; END""",
}


@pytest.fixture
def log(workspace: Path) -> Path:
    """A healthy log, in one file."""
    with contextlib.closing(RunLog.hold(workspace, "r1")) as made:
        Play(made).to_rest()  # type: ignore[arg-type]
    path = workspace / "events.db"
    script(path, "PRAGMA journal_mode = DELETE")
    return path


def script(path: Path, text: str) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.executescript(text)


@pytest.mark.parametrize("name", SCHEMAS)
def test_what_is_not_ours_is_refused_unread_and_unwritten(log: Path, name: str) -> None:
    script(log, SCHEMAS[name])
    before = log.read_bytes()
    for opened in (Reader.open, open_writer):
        with pytest.raises(SiaError, match=r"which is not of sia|not a log of sia|is damaged"):
            opened(log)  # type: ignore[operator]
    assert log.read_bytes() == before


def test_plain_tables_beside_ours_are_left_alone(log: Path) -> None:
    script(log, 'CREATE TABLE "_litestream_seq" (id INTEGER PRIMARY KEY, seq INTEGER); ANALYZE')
    with contextlib.closing(Reader.open(log)) as reader:
        assert [run.run for run in reader.runs()] == ["r1"]
    open_writer(log).close()


def braided(path: Path, table: str, levels: int = 18) -> None:
    """Makes the tree of `table` one in which each page has the next one as its child three times.

    https://sqlite.org/fileformat.html#b_tree_pages
    """
    with contextlib.closing(sqlite3.connect(path)) as connection:
        ((root,),) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,))
        ((size,),) = connection.execute("PRAGMA page_size")
    data = bytearray(path.read_bytes())
    leaf = data[(root - 1) * size : root * size]
    pages = len(data) // size

    def interior(child: int) -> bytes:
        cells = [child.to_bytes(4, "big") + b"\x01", child.to_bytes(4, "big") + b"\x01"]
        at = size - 10
        head = b"\x05\0\0" + (2).to_bytes(2, "big") + at.to_bytes(2, "big") + b"\0" + child.to_bytes(4, "big")
        offsets = at.to_bytes(2, "big") + (at + 5).to_bytes(2, "big")
        return (head + offsets).ljust(at, b"\0") + b"".join(cells)

    for level in range(levels):
        place = root if level == 0 else pages + level
        data[(place - 1) * size : place * size] = interior(pages + level + 1)
    data[(pages + levels - 1) * size :] = leaf
    data[28:32] = (len(data) // size).to_bytes(4, "big")
    path.write_bytes(data)


def test_a_table_whose_pages_repeat_for_ever_is_given_up(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    braided(log, "runs")
    monkeypatch.setattr(connections, "LONGEST_S", 1.0)
    with contextlib.closing(Reader.open(log)) as reader:
        before = time.process_time()
        with pytest.raises(SiaError, match="damaged or forged"):
            reader.runs()  # is sorted: all rows are read before the first one is given out
        with pytest.raises(SiaError, match="damaged or forged"):
            reader.rows("SELECT domain FROM runs")
        assert time.process_time() - before < 20


def test_events_that_repeat_for_ever_are_given_up(log: Path) -> None:
    braided(log, "events")
    with contextlib.closing(Reader.open(log)) as reader, pytest.raises(SiaError, match="damaged or forged"):
        for _ in reader.all_events():
            pass


def test_the_command_says_it_in_one_sentence(log: Path) -> None:
    script(log, SCHEMAS["an endless view"])
    command = [sys.executable, "-m", "sia_tui", "ls", "--workspace", str(log.parent)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert "which is not of sia" in done.stderr
    assert "Traceback" not in done.stderr
