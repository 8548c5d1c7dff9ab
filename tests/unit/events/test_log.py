"""Appending: what was returned is in the file, one engine a run, and nobody rewrites the past."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.errors import SiaError
from engine.events import tips
from engine.events import types as t
from engine.events.event import GENESIS, chain_hash
from engine.events.log import Fenced, Held, RunLog, is_held
from engine.events.reader import Reader
from engine.events.storage.connection import DatabaseError, IntegrityError, open_writer, sync_wal, transaction
from tests.histories import started

HOLD = """
import sys, pathlib
from engine.events.log import RunLog
log = RunLog.hold(pathlib.Path(sys.argv[1]), "r1")
print("held", flush=True)
sys.stdin.read()
"""
WRITE = """
import sys, pathlib, msgspec
sys.path.insert(0, sys.argv[3])
from engine.events.log import RunLog
from engine.events.types import RunPaused
from tests.histories import started
log = RunLog.hold(pathlib.Path(sys.argv[1]), sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
log.append([(0, msgspec.structs.replace(started(), name=sys.argv[2]))])
for i in range(60):
    log.append([(0, RunPaused(f"{sys.argv[2]} {i}"))], durable=i % 3 == 0)
log.close()
"""


def process(script: str, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


@pytest.fixture
def log(workspace: Path) -> Iterator[RunLog]:
    with contextlib.closing(RunLog.hold(workspace, "r1", clock=iter(range(1, 1000)).__next__)) as held:
        yield held


def test_work_lasts_as_long_as_it_takes_whatever_becomes_of_the_time_of_day(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = iter([1000, 9000, 9500])
    monkeypatch.setattr("engine.events.log.steady_now", iter([10, 11, 13, 17, 21, 25]).__next__)
    with contextlib.closing(RunLog.hold(workspace, "r1", day.__next__)) as log:
        times = [event.at for event in log.append([(0, started())])]
        log.working = True
        for _ in range(2):
            times += [event.at for event in log.append([(0, t.RunPaused("ada"))])]
        log.working = False
        for _ in range(2):
            times += [event.at for event in log.append([(0, t.RunPaused("ada"))])]
        log.working = True
        times += [event.at for event in log.append([(0, t.RunPaused("ada"))])]
    assert times == [1000, 1001, 1003, 9000, 9500, 9504]


def test_what_append_returned_is_read_back(log: RunLog, workspace: Path) -> None:
    written = log.append([(0, started()), (1, t.RunPaused("ada"))])
    with contextlib.closing(Reader.open(workspace / "events.db")) as reader:
        assert list(reader.history("r1")) == written
        assert [event.payload for event in written] == [started(), t.RunPaused("ada")]
        assert [(event.n, event.at, event.generation) for event in written] == [(1, 1, 0), (2, 2, 1)]


def test_each_event_carries_the_hash_of_the_one_before(log: RunLog) -> None:
    first, second, third = log.append([(0, started()), (0, t.RunPaused("a")), (0, t.RunStopped("b"))])
    assert (first.prev_hash, second.prev_hash, third.prev_hash) == (GENESIS, first.hash, second.hash)
    assert all(event.expected_hash() == event.hash for event in (first, second, third))


@pytest.mark.parametrize("changed", range(8))
def test_the_hash_covers_every_part(changed: int) -> None:
    parts = [GENESIS, "r", 1, "run.paused", 1, 5, 0, b"{}"]
    other = ["1" * 64, "s", 2, "run.stopped", 2, 6, 1, b"[]"]
    assert chain_hash(*parts) != chain_hash(*[*parts[:changed], other[changed], *parts[changed + 1 :]])  # type: ignore[arg-type]


COPY = "INSERT {} INTO events SELECT {} FROM events WHERE n = 2"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET payload = x'00' WHERE n = 2",
        "DELETE FROM events WHERE n = 3",
        COPY.format("OR REPLACE", "*"),
        COPY.format("OR REPLACE", "NULL, run, n, type, v, at, generation, x'00', prev_hash, hash"),
        COPY.format(
            "OR REPLACE",
            "seq, run, 4, type, v, at, generation, payload, (SELECT max(hash) FROM events WHERE n = 3), 'x'",
        ),
        COPY.format("", "NULL, run, 5, type, v, at, generation, payload, hash, 'x'"),
        COPY.format("", "NULL, run, 4, type, v, at, generation, payload, hash, 'x'"),
        COPY.format("", "NULL, 'r2', 1, type, v, at, generation, payload, hash, 'x'"),
        COPY.format("", f"NULL, 'r2', 2, type, v, at, generation, payload, '{GENESIS}', 'x'"),
    ],
    ids=[
        "update",
        "delete",
        "replace by seq",
        "replace by n",
        "replace by seq alone",
        "gap",
        "wrong prev_hash",
        "no genesis",
        "late start",
    ],
)
def test_the_guards_refuse(log: RunLog, statement: str) -> None:
    before = log.append([(0, started()), (0, t.RunPaused("a")), (0, t.RunStopped("b"))])
    with pytest.raises(IntegrityError, match=r"append-only|extend a chain"):
        log.db.conn.execute(statement)
    assert list(log.reader.history("r1")) == before


def test_the_guards_let_the_next_event_in(log: RunLog) -> None:
    head = log.append([(0, started())])[-1]
    log.db.conn.execute(
        "INSERT INTO events VALUES (NULL, 'r1', 2, 'run.paused', 1, 1, 0, x'7b7d', ?, 'x')", (head.hash,)
    )


def test_a_run_is_held_by_one_engine(log: RunLog, workspace: Path) -> None:
    with pytest.raises(Held, match="another engine"):
        RunLog.hold(workspace, "r1")
    assert is_held(workspace, "r1")
    log.close()
    assert not is_held(workspace, "r1")
    RunLog.hold(workspace, "r1").close()


def test_a_hold_ends_the_instant_its_process_is_killed(workspace: Path) -> None:
    with process(HOLD, workspace) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(Held):
            RunLog.hold(workspace, "r1")
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait()
        RunLog.hold(workspace, "r1").close()


def test_asking_who_holds_a_run_creates_nothing(tmp_path: Path) -> None:
    assert not is_held(tmp_path, "r1")
    assert list(tmp_path.iterdir()) == []


def test_a_hold_that_fails_lets_the_lock_go(workspace: Path) -> None:
    (workspace / "events.db").write_bytes(b"not a database at all" * 100)
    with pytest.raises(SiaError):
        RunLog.hold(workspace, "r1")
    assert not is_held(workspace, "r1")


def test_a_displaced_engine_is_fenced_and_leaves_nothing(log: RunLog) -> None:
    log.append([(0, started())])
    with transaction(log.db, durable=True) as connection:
        connection.execute("UPDATE engines SET epoch = epoch + 1")
    with pytest.raises(Fenced, match="taken this run over"):
        log.append([(0, t.RunPaused("a"))], contents=[b"content"])
    assert log.db.conn.execute("SELECT (SELECT count(*) FROM events), (SELECT count(*) FROM blobs)").fetchone() == (
        1,
        0,
    )


def test_the_next_engine_goes_on_at_the_head(log: RunLog, workspace: Path) -> None:
    head = log.append([(0, started())])[-1]
    log.close()
    with contextlib.closing(RunLog.hold(workspace, "r1")) as again:
        following = again.append([(0, t.RunPaused("a"))])[-1]
    assert (following.n, following.prev_hash) == (2, head.hash)


def test_two_processes_append_two_runs_at_once(workspace: Path) -> None:
    RunLog.hold(workspace, "r0").close()
    both = [process(WRITE, workspace, name, Path(__file__).parents[3]) for name in ("r1", "r2")]
    for one in both:
        assert one.stdout
        assert one.stdout.readline() == "ready\n"
    for one in both:
        one.communicate("go\n")
        assert one.returncode == 0
    with contextlib.closing(Reader.open(workspace / "events.db")) as reader:
        for name in ("r1", "r2"):
            events = list(reader.history(name))
            assert [event.n for event in events] == list(range(1, 62))
            assert all(b.prev_hash == a.hash for a, b in itertools.pairwise(events))


def test_a_failed_append_leaves_the_log_as_it_was(log: RunLog) -> None:
    log.append([(0, started())])
    with pytest.raises(SiaError, match="import it first"):
        log.append([(0, t.RunPaused("a")), (0, t.RunForked("x", "nobody", 1))], contents=[b"content"])
    following = log.append([(0, t.RunStopped("b"))])[-1]
    assert following.n == 2
    assert log.db.conn.execute("SELECT count(*) FROM blobs").fetchone() == (0,)


def test_a_full_disk_is_one_sentence_and_the_log_goes_on_after_it(log: RunLog) -> None:
    log.append([(0, started())])
    (pages,) = log.db.conn.execute("PRAGMA page_count").fetchone()
    log.db.conn.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(SiaError, match=r"disk .* is full; free some space"):
        log.append([(0, t.RunPaused("a"))], contents=[os.urandom(100_000)])
    log.db.conn.execute("PRAGMA max_page_count = 1000000")
    assert log.append([(0, t.RunPaused("a"))])[-1].n == 2


def test_a_commit_that_fails_leaves_no_transaction_open(log: RunLog) -> None:
    connection = log.db.conn
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("CREATE TABLE parent (id INTEGER PRIMARY KEY)")
    connection.execute("CREATE TABLE child (id REFERENCES parent DEFERRABLE INITIALLY DEFERRED)")
    with pytest.raises(IntegrityError), transaction(log.db, durable=False):
        connection.execute("INSERT INTO child VALUES (1)")
    assert not connection.in_transaction


def test_durable_waits_for_the_disk_and_the_group_does_not(log: RunLog) -> None:
    def level() -> int:
        return int(log.db.conn.execute("PRAGMA synchronous").fetchone()[0])

    log.append([(0, started())])
    assert level() == 2
    log.append([(0, t.RunPaused("a"))], durable=False)
    assert level() == 1


def test_what_a_transaction_has_read_stays_true_until_it_writes(log: RunLog, workspace: Path) -> None:
    """`append` reads the epoch, and its guard the lineage, before it writes: nobody may write in between."""
    with contextlib.closing(open_writer(workspace / "events.db")) as other:
        other.conn.execute("PRAGMA busy_timeout = 0")
        with transaction(log.db, durable=True), pytest.raises(DatabaseError, match="locked"):
            other.conn.execute("INSERT INTO engines VALUES ('r9', 1)")
        other.conn.execute("INSERT INTO engines VALUES ('r9', 1)")


def test_waiting_for_the_disk_syncs_the_write_ahead_log(
    log: RunLog, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    monkeypatch.setattr(os, "fsync", lambda fd: synced.append(Path(f"/proc/self/fd/{fd}").readlink().name))
    log.append([(0, started())], durable=False)
    sync_wal(workspace / "events.db")
    assert synced == ["events.db-wal"]
    sync_wal(workspace / "none.db")


def test_a_durable_append_moves_the_tip_and_a_grouped_one_leaves_it_behind(log: RunLog, workspace: Path) -> None:
    head = log.append([(0, started())])[-1]
    last = log.append([(0, t.RunPaused("a"))], durable=False)[-1]
    assert tips.read_all(workspace / "tips") == {"r1": tips.Tip(1, head.hash)}
    log.close()
    assert tips.read_all(workspace / "tips") == {"r1": tips.Tip(2, last.hash)}


def test_a_tip_that_cannot_be_written_fails_no_append_and_is_written_with_a_later_one(
    log: RunLog, workspace: Path
) -> None:
    (workspace / "tips" / "r1" / "in the way").mkdir(parents=True)
    log.append([(0, started())])
    assert "tip" in log.late
    (workspace / "tips" / "r1" / "in the way").rmdir()
    (workspace / "tips" / "r1").rmdir()
    head = log.append([(0, t.RunPaused("a"))])[-1]
    assert (log.late, tips.read_all(workspace / "tips")) == ("", {"r1": tips.Tip(2, head.hash)})


def test_a_tip_that_cannot_be_written_keeps_no_lock(workspace: Path) -> None:
    held = RunLog.hold(workspace, "r1")
    held.append([(0, started())], durable=False)
    (workspace / "tips" / "r1" / "in the way").mkdir(parents=True)
    held.close()
    assert not is_held(workspace, "r1")


def test_an_unreadable_tip_counts_as_none(tmp_path: Path) -> None:
    tips.write(tmp_path / "tips", "r1", tips.Tip(1, "h"))
    (tmp_path / "tips" / "r2").write_bytes(b"{")
    (tmp_path / "tips" / ".r3").write_bytes(b"torn")
    assert tips.read_all(tmp_path / "tips") == {"r1": tips.Tip(1, "h")}
