"""The derived tables: kept with each append, and the same when they are made again."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest

from engine.events import readmodels
from engine.events import types as t
from engine.events.log import RunLog
from engine.events.storage import schema


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
