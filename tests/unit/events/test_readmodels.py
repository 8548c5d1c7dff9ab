"""The derived tables: kept with each append, and the same when they are made again."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from engine.events import readmodels
from engine.events import types as t
from engine.events.log import RunLog
from engine.events.maintenance.housekeeping import delete_run
from engine.events.storage import schema
from engine.events.storage.connection import open_writer, transaction
from engine.run.workspace import Workspace
from engine.transfer.removal import remove
from tests.histories import Play, started


def tables(log: RunLog) -> dict[str, list[Any]]:
    return {name: log.db.conn.execute(f"SELECT * FROM {name} ORDER BY 1, 2").fetchall() for name in schema.READ_MODELS}  # noqa: S608


def test_rebuild_refills_what_was_dropped(workspace: Path, finished: str) -> None:
    with contextlib.closing(RunLog.hold(workspace, finished)) as log:
        before = tables(log)
        assert [len(rows) for rows in before.values()] == [3 * 14, 0, 3, 1]
        for name in schema.READ_MODELS:
            log.db.conn.execute(f"DROP TABLE {name}")
        head = log.reader.head(finished)
        assert head
        assert readmodels.rebuild(log.db) == head.n
        assert tables(log) == before


def test_the_row_of_a_run_tells_how_it_stands(workspace: Path, finished: str) -> None:
    with contextlib.closing(RunLog.hold(workspace, finished)) as log:
        log.append([(0, t.AnalysisFinished("a word on the beginning", "harness", "why"))])
        run, head = log.reader.find("toy-1"), log.reader.head(finished)
        assert head
        assert (run.status, run.generation, run.best, run.root) == ("finished", 3, pytest.approx(0.3), "r1")
        assert (run.head_n, run.head_hash) == (head.n, head.hash)


@pytest.mark.parametrize("gone", ["r1", "r2", "r3", "r4"])
def test_without_a_removed_run_the_tables_are_as_if_it_had_never_been(workspace: Path, gone: str) -> None:
    with contextlib.ExitStack() as stack:
        for run in ("r1", "r2", "r3", "r4"):  # all want the name of the first
            log = stack.enter_context(contextlib.closing(RunLog.hold(workspace, run)))
            Play(log).to_rest()  # type: ignore[arg-type]
            call = t.ModelCalled("task", "m", "val/1/0", 0, "q", "r", "stop")
            log.append([(1, call)])
        log.append([(0, t.RunRenamed("toy-1-r2"))])
        names = [run.name for run in log.reader.runs()]
        assert len(set(names)) == 4 and names[0] == "toy-1"
        with transaction(log.db, durable=True) as connection:
            delete_run(connection, gone)
            readmodels.forget(connection, gone)
        found = tables(log)
        readmodels.rebuild(log.db)
        assert tables(log) == found


def test_a_removal_locks_the_log_for_no_event_of_another_run(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with contextlib.ExitStack() as stack:
        for run, name in (("r1", "one"), ("r2", "two")):
            log = stack.enter_context(contextlib.closing(RunLog.hold(workspace, run)))
            Play(log, replace(started(), name=name)).to_rest()  # type: ignore[arg-type]
        stack.close()
    monkeypatch.setattr(readmodels, "project", None)
    monkeypatch.setattr(readmodels, "decode", None)
    remove(Workspace(workspace), "two")


def test_a_rebuild_of_tables_that_are_right_writes_nothing(workspace: Path, finished: str) -> None:
    with contextlib.closing(RunLog.hold(workspace, finished)) as log:
        changes, engine = log.db.conn.total_changes, open_writer(workspace / "events.db")
        with contextlib.closing(engine), transaction(engine, durable=False):  # which is writing meanwhile
            assert readmodels.rebuild(log.db) == log.reader.last_n(finished)
        assert log.db.conn.total_changes == changes


@pytest.mark.parametrize(
    "wrong",
    [
        "DELETE FROM results WHERE n = (SELECT max(n) FROM results)",
        "UPDATE generations SET val = 0.25 WHERE generation = 2",
        "UPDATE runs SET head_n = head_n - 1",
        "INSERT INTO replies VALUES (1, 'r1', 'r1', 1, 1, 'task', 'h', 'val/1/0', 0, 'q')",
        "DROP INDEX results_by_effect",
        "DROP TABLE replies",
    ],
)
def test_a_rebuild_puts_right_what_is_wrong(workspace: Path, finished: str, wrong: str) -> None:
    with contextlib.closing(RunLog.hold(workspace, finished)) as log:
        before, defined = tables(log), "SELECT sql FROM sqlite_master ORDER BY name"
        statements = log.db.conn.execute(defined).fetchall()
        log.db.conn.execute(wrong)
        readmodels.rebuild(log.db)
        assert tables(log) == before
        assert log.db.conn.execute(defined).fetchall() == statements
