"""A log that lost acknowledged events is not appended to until a person has accepted the loss, in an event."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.core.replay import verify as replay
from engine.events import tips
from engine.events import types as t
from engine.events.log import RunLog
from engine.events.losses import Lost, loss_of
from engine.events.reader import Reader
from engine.events.seal import seal
from engine.loop.fork import ForkPlan, fork
from engine.queries import audit
from engine.run.workspace import Workspace
from engine.transfer.annotations import note
from engine.transfer.losses import accept_loss
from engine.transfer.run_import import import_run
from tests.histories import started


def check(path: Path) -> audit.AuditResult:
    with contextlib.closing(Reader.open(path / "events.db")) as reader:
        return audit.verify(reader, Workspace(path))


def write(path: Path, run: str, count: int) -> None:
    with contextlib.closing(RunLog.hold(path, run)) as log:
        if not log.reader.head(run):
            log.append([(0, started())])
        for i in range(count):
            log.append([(0, t.RunNoted(f"note {i}"))])


@pytest.fixture
def cut(workspace: Path) -> Path:
    """A workspace whose write-ahead log was cut short: 4 of 13 events are there."""
    write(workspace, "r1", 3)
    log = RunLog.hold(workspace, "r1")
    with contextlib.closing(Reader.open(workspace / "events.db")):
        for i in range(9):
            log.append([(0, t.RunNoted(f"late {i}"))])
        whole = workspace.with_name("copy")
        shutil.copytree(workspace, whole)
    log.close()
    (whole / "events.db-wal").write_bytes((whole / "events.db-wal").read_bytes()[:32])
    (whole / "events.db-shm").unlink(missing_ok=True)
    return whole


APPENDS: dict[str, Callable[[Path], object]] = {
    "resume, approve, test": lambda path: RunLog.hold(path, "r1"),
    "note": lambda path: note(Workspace(path), "r1", "a remark"),
    "fork": lambda path: fork(Workspace(path), ForkPlan("r1", 2)),
}


@pytest.mark.parametrize("name", APPENDS)
def test_nothing_is_appended_behind_a_tip_that_is_ahead(cut: Path, name: str) -> None:
    before = (cut / "events.db").read_bytes()
    with pytest.raises(Lost, match=r"toy-1 has lost events: 13 were written, and its log ends at event 4; .*accept"):
        APPENDS[name](cut)
    assert "run r1 once had 13 events and has lost the last of them" in check(cut).problems
    assert (cut / "events.db").read_bytes() == before
    with contextlib.closing(Reader.open(cut / "events.db")) as reader:
        assert [run.run for run in reader.runs()] == ["r1"]


def test_a_loss_that_a_person_accepted_is_an_event_and_the_run_goes_on(cut: Path) -> None:
    accept_loss(Workspace(cut), "toy-1", by="ada")
    write(cut, "r1", 1)
    with contextlib.closing(Reader.open(cut / "events.db")) as reader:
        found = reader.own("r1")
        assert (found[4].n, found[4].type) == (5, "loss.accepted")
        assert found[4].payload.n == 13  # type: ignore[attr-defined]
        assert replay(reader, "r1").identical
        assert loss_of(reader, cut / "tips", "r1") is None
    now = check(cut)
    assert now.ok and now.accepted == ["run r1 lost events 5 to 13, which ada accepted at event 5"]


def test_an_accepted_event_that_is_another_than_was_written_is_named(workspace: Path) -> None:
    write(workspace, "r1", 3)
    tips.write(workspace / "tips", "r1", tips.Tip(2, "0" * 64))
    accept_loss(Workspace(workspace), "r1", by="ada")
    now = check(workspace)
    assert now.accepted == ["event 2 of run r1 is not the one that was written, which ada accepted at event 5"]
    assert now.ok


def test_an_acceptance_whose_tip_was_not_written_stands(cut: Path) -> None:
    old = tips.read_all(cut / "tips")["r1"]
    accept_loss(Workspace(cut), "r1", by="ada")
    tips.write(cut / "tips", "r1", old)
    assert check(cut).ok
    write(cut, "r1", 1)


def test_an_acceptance_that_cannot_be_written_leaves_the_loss_to_be_seen(
    cut: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError("disk I/O error")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="disk I/O error"):
        patch.setattr("engine.events.rows.insert", fail)
        accept_loss(Workspace(cut), "toy-1", by="ada")
    assert "run r1 once had 13 events and has lost the last of them" in check(cut).problems
    assert accept_loss(Workspace(cut), "toy-1", by="ada") == 13


def test_the_same_end_cannot_be_lost_twice_unseen(cut: Path) -> None:
    accept_loss(Workspace(cut), "r1", by="ada")
    tips.write(cut / "tips", "r1", tips.Tip(20, "0" * 64))
    assert not check(cut).ok
    with pytest.raises(Lost):
        write(cut, "r1", 1)


def test_a_run_that_is_lost_as_a_whole_can_be_given_up(workspace: Path) -> None:
    write(workspace, "r1", 1)
    tips.write(workspace / "tips", "r0", tips.Tip(7, "0" * 64))
    assert not check(workspace).ok
    accept_loss(Workspace(workspace), "r0", by="ada")
    assert check(workspace).ok


def test_what_is_whole_has_no_loss_to_accept(workspace: Path) -> None:
    write(workspace, "r1", 1)
    with pytest.raises(Exception, match="toy-1 has lost nothing"):
        accept_loss(Workspace(workspace), "r1", by="ada")


@pytest.mark.parametrize("upto", [3, 13])
def test_an_import_brings_back_what_was_lost_or_nothing(cut: Path, tmp_path: Path, upto: int) -> None:
    """An older export would end the log before its tip, and hide the loss behind a new one."""
    source = tmp_path / "source"
    source.mkdir()
    write(source, "r1", upto)
    target = tmp_path / "target"
    target.mkdir()
    with contextlib.closing(Reader.open(source / "events.db")) as reader:
        head = reader.own("r1")[-1]
        tips.write(target / "tips", "r1", tips.Tip(head.n, head.hash) if upto == 13 else tips.Tip(13, "0" * 64))
        seal(reader, reader.find("r1"), tmp_path / "r1.sia", data=True, made_by="tests")
    write(target, "r2", 1)
    if upto == 13:
        assert import_run(Workspace(target), tmp_path / "r1.sia").new == 14
        assert check(target).ok
    else:
        with pytest.raises(Lost, match="r1 has lost events: 13 were written, and its log ends at event 0"):
            import_run(Workspace(target), tmp_path / "r1.sia")


def test_an_engine_that_ends_leaves_no_tip_ahead_of_what_is_on_the_disk(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a power cut such a tip would stop a run that lost nothing but results that can be computed again."""
    synced: list[str] = []
    monkeypatch.setattr("engine.events.log.sync_wal", lambda path: synced.append(path.name))
    log = RunLog.hold(workspace, "r1")
    log.append([(0, started())])
    with contextlib.closing(Reader.open(workspace / "events.db")):  # the last to close writes everything back
        log.append([(0, t.RunNoted("grouped"))], durable=False)
        assert synced == []
        log.close()
    assert synced == ["events.db"]
