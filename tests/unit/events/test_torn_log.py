"""Whatever is left of a log, what was acknowledged is there; or `verify` names the loss, and nothing is appended."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.errors import SiaError
from engine.events import tips
from engine.events import types as t
from engine.events.log import RunLog
from engine.events.losses import Lost
from engine.events.reader import Reader
from engine.run.workspace import Workspace
from engine.transfer.annotations import note
from engine.transfer.losses import accept_loss
from tests.unit.events.test_losses import check, write

HEAD, FRAME = 32, 24 + 4096
"""Sizes in a write-ahead log."""
EVENTS, MANY = 7, 40


@pytest.fixture
def killed(workspace: Path) -> Path:
    """A workspace whose engine was killed: its last events are in the write-ahead log only."""
    write(workspace, "r1", 2)
    log = RunLog.hold(workspace, "r1")
    left = workspace.with_name("left")
    with contextlib.closing(Reader.open(workspace / "events.db")):
        write_on(log, EVENTS - 3)
        shutil.copytree(workspace, left)
        log.close()
    (left / "events.db-shm").unlink()
    return left


def write_on(log: RunLog, count: int) -> None:
    for i in range(count):
        log.append([(0, t.RunNoted(f"late {i}"))])


def known(path: Path) -> int:
    with contextlib.closing(Reader.open(path / "events.db")) as reader:
        return len(reader.own("r1"))


def damages(wal: bytes) -> Iterator[tuple[str, bytes]]:
    """A write-ahead log that ends, or is torn, at each of its frames."""
    for at in range(HEAD, len(wal) + 1, FRAME):
        yield f"ends at {at}", wal[:at]
        if at < len(wal):
            yield f"ends within the frame at {at}", wal[: at + FRAME // 2]
            yield f"half of the frame at {at} is empty", wal[: at + FRAME // 2] + bytes(FRAME // 2) + wal[at + FRAME :]
            yield (
                f"a bit of the frame at {at} is wrong",
                wal[: at + 999] + bytes([wal[at + 999] ^ 4]) + wal[at + 1000 :],
            )
    yield "empty", b""


@pytest.mark.slow
def test_a_write_ahead_log_torn_at_any_frame_loses_nothing_unseen(killed: Path, tmp_path: Path) -> None:
    wal = (killed / "events.db-wal").read_bytes()
    assert known(killed) == EVENTS
    lengths = set()
    for what, left in damages(wal):
        torn = tmp_path / "torn"
        shutil.rmtree(torn, ignore_errors=True)
        shutil.copytree(killed, torn, ignore=shutil.ignore_patterns("*-shm"))
        (torn / "events.db-wal").write_bytes(left)
        there = known(torn)
        lengths.add(there)
        found = check(torn).problems
        if there == EVENTS:
            assert found == [], what
            note(Workspace(torn), "r1", "a remark")
        else:
            assert found == [f"run r1 once had {EVENTS} events and has lost the last of them"], what
            with pytest.raises(Lost):
                note(Workspace(torn), "r1", "a remark")
            assert accept_loss(Workspace(torn), "r1", by="ada") == EVENTS, what
        assert check(torn).ok, what
    assert lengths == set(range(3, EVENTS + 1))


@pytest.mark.parametrize("whose", ["nothing beside it", "today's write-ahead log"])
def test_yesterdays_file_in_the_place_of_todays_is_named(workspace: Path, whose: str) -> None:
    write(workspace, "r1", 2)
    yesterday = (workspace / "events.db").read_bytes()
    write(workspace, "r1", MANY)  # its end brings all into the file
    log = RunLog.hold(workspace, "r1")
    left = workspace.with_name("left")
    with contextlib.closing(Reader.open(workspace / "events.db")):
        write_on(log, 1)
        shutil.copytree(workspace, left)
        log.close()
    (left / "events.db-shm").unlink()
    (left / "events.db").write_bytes(yesterday)
    if whose == "nothing beside it":
        (left / "events.db-wal").unlink()
    tip = tips.read_all(left / "tips")["r1"]
    assert tip.n == MANY + 4
    with contextlib.suppress(SiaError):  # a sentence of it is as good
        assert check(left).problems
    with pytest.raises(SiaError):
        note(Workspace(left), "r1", "a remark")
    assert tips.read_all(left / "tips")["r1"] == tip
