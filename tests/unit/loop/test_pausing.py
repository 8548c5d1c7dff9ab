"""A pause at an awkward moment: what a step has finished stays finished."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest

from engine.core.replay import verify as replay
from engine.events import types as t
from engine.loop import driver, launch
from engine.loop.control_socket import Control
from engine.run.live_run import Run
from engine.run.workspace import Workspace
from engine.steps.execution import execute
from tests.story import TOY


def test_a_step_that_finishes_as_it_is_told_to_end_has_its_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, control = Workspace(tmp_path), Control()

    async def unmoved(run: Run, generation: int) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            control.ask("pause", "the test")
            await asyncio.sleep(60)
        await execute(run, generation)

    async def go() -> None:
        planned = await launch.plan(launch.Options(domain=str(TOY), generations=2, probes=4), lambda _: None)
        async with launch.start(workspace, planned) as run:
            await driver.drive(run, control)

    monkeypatch.setitem(driver._STEPS, "execute", unmoved)
    asyncio.run(go())
    with contextlib.closing(workspace.reader()) as reader:
        run = reader.find("last")
        history = [event.type for event in reader.history(run.run)]
        assert history[-2:] == [t.ExecutionFinished.type, t.RunPaused.type]
        assert t.StepAbandoned.type not in history
        assert replay(reader, run.run).identical
