"""`execution.finished` is written when every planned instance has its result in the log, and not before."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from engine.events import types as t
from engine.loop import launch
from engine.loop.control_socket import Control
from engine.loop.driver import drive
from engine.run.group_commit import GroupCommit
from engine.run.workspace import Workspace
from tests.playing import small


async def run_toy(workspace: Workspace, domain: str) -> None:
    options = launch.Options(domain=domain, workers=2, generations=1, seed=5, name="toy")
    planned = await launch.plan(options, lambda _: None)
    async with launch.start(workspace, planned) as run:
        await drive(run, Control())


def told(workspace: Workspace) -> list[Any]:
    with contextlib.closing(workspace.reader()) as reader:
        return [event.payload for event in reader.history(reader.find("toy").run)]


def test_results_that_were_lost_on_the_way_to_the_log_are_computed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, add, lost = Workspace(tmp_path / "w"), GroupCommit.add, []

    def lose_one(self: GroupCommit, row: tuple[int, t.Payload], contents: Sequence[bytes]) -> None:
        if not lost and isinstance(row[1], t.InstanceFinished):
            lost.append(row[1])
        else:
            add(self, row, contents)

    monkeypatch.setattr(GroupCommit, "add", lose_one)
    monkeypatch.setattr("engine.loop.driver.RETRY_S", 0.0)
    asyncio.run(run_toy(workspace, small(tmp_path / "toy")))
    events = told(workspace)
    (failed,) = [one for one in events if isinstance(one, t.StepFailed)]
    assert failed.failure.message == "1 of 16 results is not in the log"
    with contextlib.closing(workspace.reader()) as reader:
        trace = reader.blob(failed.traceback).decode()
    assert trace.startswith("Traceback") and "in _check_complete" in trace and trace.rstrip().endswith("in the log")
    assert failed.withheld() == [failed.traceback], "it may quote instances"
    (finished,) = [one for one in events if isinstance(one, t.ExecutionFinished)]
    assert finished.evaluations == sum(isinstance(one, t.InstanceFinished) for one in events) == 16
