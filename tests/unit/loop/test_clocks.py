"""What a run has worked is counted, whatever becomes of the time of day while it works."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from pathlib import Path

import pytest

from engine.core.state import State, fold
from engine.events import types as t
from engine.events.event import Event
from engine.loop import launch
from engine.loop.control_socket import Control
from engine.loop.driver import drive
from engine.run.workspace import Workspace
from tests.playing import small

TWO_HOURS_NS = 7200 * 10**9


@pytest.mark.parametrize("jump_ns", [TWO_HOURS_NS, -TWO_HOURS_NS])
def test_two_hours_by_which_the_clock_was_set_are_no_work(
    jump_ns: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine that slept looks like one whose clock was set forward."""
    workspace, real, offset = Workspace(tmp_path / "w"), time.time_ns, [0]
    monkeypatch.setattr(time, "time_ns", lambda: real() + offset[0])

    def jump(event: Event, _: State) -> None:
        if isinstance(event.payload, t.InstanceFinished):
            offset[0] = jump_ns

    async def go() -> None:
        domain = small(tmp_path / "toy")
        options = launch.Options(domain=domain, workers=2, generations=2, probes=2, budget=t.Budget(minutes=30))
        planned = await launch.plan(options, lambda _: None)
        async with launch.start(workspace, planned, [jump]) as run:
            await drive(run, Control())

    began = time.monotonic()
    asyncio.run(go())
    took = time.monotonic() - began
    with contextlib.closing(workspace.reader()) as reader:
        history = list(reader.history(reader.find("last").run))
    state = fold(history)
    assert (state.status, len(state.generations), state.exhausted) == ("finished", 2, None)
    assert 0 < state.spent.seconds < took
    wall = [event.at for event in history]
    assert abs(wall[-1] - wall[0] - jump_ns // 1000) < took * 1e6  # between steps it is the time of day
    for before, after in itertools.pairwise(history):
        if fold(history[: before.n]).open_step is not None:
            assert after.at >= before.at
