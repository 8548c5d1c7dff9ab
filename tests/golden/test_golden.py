"""Logs that earlier releases wrote stay whole and replay identically, from a file alone."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
from pathlib import Path

import pytest

from engine.core import replay
from engine.core.decide import RULES
from engine.events import types as t
from engine.events.event import Event
from engine.events.reader import Reader
from engine.events.storage.connection import transaction
from engine.queries import audit
from tests.golden.make import MAX_BYTES

CORPUS = sorted(Path(__file__).parent.glob("*.db"))


def test_there_is_a_corpus() -> None:
    assert CORPUS


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_a_sealed_log_is_whole_and_replays_identically(path: Path) -> None:
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    with contextlib.closing(Reader.open(path)) as reader:
        assert audit.verify(reader).problems == []
        runs = reader.runs()
        assert runs
        for run in runs:
            assert replay.verify(reader, run.run).diverged_at is None
    assert hashlib.sha256(path.read_bytes()).hexdigest() == before


def test_the_corpus_has_the_rules_of_this_release_and_older_ones() -> None:
    beyond: dict[int, bool] = {}
    for path in CORPUS:
        with contextlib.closing(Reader.open(path)) as reader:
            (started,) = [event.payload for event in reader.of_type(t.RunStarted.type)]
            verdicts = [event.payload for event in reader.of_type(t.GateDecided.type)]
        assert isinstance(started, t.RunStarted)
        beyond[started.rules] = any(isinstance(one, t.GateDecided) and one.beyond for one in verdicts)
    assert beyond[RULES] and min(beyond) < RULES


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_a_sealed_log_is_one_small_file(path: Path) -> None:
    assert path.stat().st_size <= MAX_BYTES
    with contextlib.closing(Reader.open(path)) as reader:
        assert reader.db.conn.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    assert not [other for other in path.parent.iterdir() if other.name.startswith(f"{path.name}-")]


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_a_sealed_log_names_no_place_on_the_machine_that_made_it(path: Path) -> None:
    with contextlib.closing(Reader.open(path)) as reader:
        for run in reader.runs():
            started = reader.event(run.run, 1).payload
            assert isinstance(started, t.RunStarted)
            assert not Path(started.domain.source).is_absolute()


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_the_corpus_covers_a_whole_run(path: Path) -> None:
    with contextlib.closing(Reader.open(path)) as reader:
        kinds = {event.type for run in reader.runs() for event in reader.history(run.run)}
    assert kinds & {"probe.finished", "model.called"}
    assert kinds >= {
        "run.started",
        "gate.decided",
        "harness.written",
        "run.finished",
        "test.unsealed",
    }


def test_a_damaged_log_of_the_corpus_would_be_noticed(tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    shutil.copy(CORPUS[0], copy)
    with contextlib.closing(Reader.open(copy)) as reader:
        event: Event = reader.event(reader.runs()[0].run, 7)
    from sqlite_utils import Database

    with contextlib.closing(Database(copy)) as db:
        db.execute("DROP TRIGGER events_no_update")
        with transaction(db, durable=False) as connection:
            connection.execute("UPDATE events SET at = at + 1 WHERE seq = ?", (event.seq,))
    with contextlib.closing(Reader.open(copy)) as reader:
        assert [f"event {event.n} " in problem for problem in audit.verify(reader).problems] == [True]
        assert not replay.verify(reader, event.run).identical
