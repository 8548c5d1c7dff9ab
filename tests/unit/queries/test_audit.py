"""`sia verify` finds what is wrong with a log and names the event."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace
from sqlite_utils.utils import sqlite3

from engine.events import tips
from engine.events import types as t
from engine.events.log import RunLog
from engine.events.reader import Reader
from engine.queries import audit
from engine.run.workspace import Workspace
from harness_repo.objects import Version
from tests.histories import Play, started


def check(path: Path, *, alone: bool = False) -> audit.AuditResult:
    with contextlib.closing(Reader.open(path / "events.db")) as reader:
        return audit.verify(reader, None if alone else Workspace(path))


def tamper(path: Path, statement: str, *parameters: object) -> None:
    """Writes past the guards, as a forger or a failing disk would."""
    with contextlib.closing(sqlite3.connect(path / "events.db")) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        assert connection.execute(statement, parameters).rowcount > 0
        connection.commit()


@pytest.fixture
def whole(workspace: Path, finished: str) -> Path:
    """A workspace in which every commit of the run is where it should be."""
    repository = Workspace(workspace).repository()
    with contextlib.closing(Reader.open(workspace / "events.db")) as reader:
        for event in reader.history(finished):
            payload = event.payload
            if isinstance(payload, t.HarnessWritten):
                files = {path: reader.blob(name) for path, name in payload.files.items()}
                version = Version(files, payload.parents, payload.number, payload.lever, payload.author, payload.reason)
                assert repository.write(version).commit == payload.commit
                repository.update({f"refs/tags/toy-1/g{payload.number}": payload.commit}, {})
    return workspace


def test_a_whole_log_is_whole(whole: Path) -> None:
    found = check(whole)
    assert (found.ok, found.problems) == (True, [])
    assert found.events > 60


@pytest.mark.parametrize("n", [1, 7, 40])
def test_the_event_whose_byte_was_flipped_is_named(whole: Path, n: int) -> None:
    tamper(whole, "UPDATE events SET payload = CAST(replace(CAST(payload AS TEXT), 'e', 'f') AS BLOB) WHERE n = ?", n)
    found = check(whole)
    assert not found.ok
    assert len(found.problems) == 1
    assert found.problems[0].startswith(f"event {n} of run r1 (")
    assert "was altered" in found.problems[0]


@pytest.mark.parametrize("column", ["type", "at", "generation", "v"])
def test_every_column_is_covered(whole: Path, column: str) -> None:
    tamper(whole, f"UPDATE events SET {column} = 7 WHERE n = 9")  # noqa: S608
    assert [problem for problem in check(whole).problems if "event 9 of run r1" in problem]


def relink(path: Path) -> None:
    """Makes the last event follow the last but two, with a hash that fits."""
    with contextlib.closing(Reader.open(path / "events.db")) as reader:
        *_, other, _, last = reader.history("r1")
    forged = replace(last, prev_hash=other.hash)
    tamper(path, "UPDATE events SET prev_hash = ?, hash = ? WHERE n = ?", other.hash, forged.expected_hash(), last.n)


CASES: dict[str, tuple[Callable[[Path], None], str]] = {
    "an event in the middle is gone": (
        lambda path: tamper(path, "DELETE FROM events WHERE n = 20"),
        "event 21 of run r1 .* does not follow event 19",
    ),
    "the first event is gone": (
        lambda path: tamper(path, "DELETE FROM events WHERE n = 1"),
        "event 2 of run r1 .* follows an event that is not",
    ),
    "the last event is gone": (
        lambda path: tamper(path, "DELETE FROM events WHERE n = (SELECT max(n) FROM events)"),
        "has lost the last of them",
    ),
    "an event follows another than the one before": (relink, "event .* does not follow event"),
    "a blob is gone": (
        lambda path: tamper(path, "DELETE FROM blobs WHERE length(data) < 30"),
        "event .* names the blob .*, which is missing",
    ),
    "a blob is damaged": (
        lambda path: tamper(path, "UPDATE blobs SET data = X'00', codec = 'raw'"),
        "the blob .* is damaged",
    ),
    "the derived tables lag": (
        lambda path: tamper(path, "UPDATE runs SET head_n = 3"),
        "derived tables know it up to event 3",
    ),
    "a run has no row": (lambda path: tamper(path, "DELETE FROM runs"), "derived tables know it up to event 0"),
    "another tip": (
        lambda path: tips.write(path / "tips", "r1", tips.Tip(5, "0" * 64)),
        "event 5 of run r1 is not the one",
    ),
    "a tip beyond the end": (
        lambda path: tips.write(path / "tips", "r1", tips.Tip(5000, "0" * 64)),
        "run r1 once had 5,000 events",
    ),
    "a run that is lost": (
        lambda path: tips.write(path / "tips", "r0", tips.Tip(1, "0" * 64)),
        "run r0 once had 1 event",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_each_kind_of_damage_is_found_and_named(whole: Path, case: str) -> None:
    damage, says = CASES[case]
    damage(whole)
    found = check(whole)
    assert not found.ok
    assert [problem for problem in found.problems if re.search(says, problem)], found.problems


def test_a_log_ahead_of_its_tip_is_healthy(whole: Path) -> None:
    with contextlib.closing(Reader.open(whole / "events.db")) as reader:
        tips.write(whole / "tips", "r1", tips.Tip(5, reader.event("r1", 5).hash))
    assert check(whole).ok


def test_a_missing_end_shows_also_without_a_workspace(whole: Path) -> None:
    tamper(whole, "DELETE FROM events WHERE n = (SELECT max(n) FROM events)")
    assert not check(whole, alone=True).ok


def test_a_commit_that_no_ref_reaches_is_named(whole: Path) -> None:
    refs = Workspace(whole).repository().refs()
    (whole / "harness_repo" / "refs" / "tags" / "toy-1" / "g3").unlink()
    found = check(whole)
    assert [f"names the commit {refs['refs/tags/toy-1/g3'][:12]}" in problem for problem in found.problems] == [True]
    assert "(harness.written)" in found.problems[0]
    assert check(whole, alone=True).ok


def test_a_missing_commit_is_named_also_where_something_else_is_wrong(whole: Path) -> None:
    (whole / "harness_repo" / "refs" / "tags" / "toy-1" / "g3").unlink()
    tamper(whole, "UPDATE events SET at = 7 WHERE n = 2")
    assert len(check(whole).problems) == 2


def test_a_log_that_an_engine_is_writing_to_is_whole(whole: Path) -> None:
    with contextlib.closing(RunLog.hold(whole, "r2")) as log:
        Play(log, replace(started(), name="toy-2"))  # type: ignore[arg-type]
        assert check(whole).ok
