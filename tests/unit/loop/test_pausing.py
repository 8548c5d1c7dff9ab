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


def test_the_time_of_a_generation_counts_all_attempts_of_its_execution(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, first = Workspace(tmp_path), Control()

    async def paused(run: Run, generation: int) -> None:
        await asyncio.sleep(0.5)
        first.ask("pause", "the test")
        await asyncio.sleep(60)

    async def go() -> None:
        planned = await launch.plan(launch.Options(domain=str(TOY), generations=1), lambda _: None)
        with monkeypatch.context() as patched:
            patched.setitem(driver._STEPS, "execute", paused)
            async with launch.start(workspace, planned) as run:
                await driver.drive(run, first)
        async with launch.reopen(workspace, "last", workers=2, report=lambda _: None) as run:
            await driver.drive(run, Control())

    asyncio.run(go())
    with contextlib.closing(workspace.reader()) as reader:
        history = list(reader.history(reader.find("last").run))
    begun = [one.at for one in history if isinstance(one.payload, t.StepStarted) and one.payload.kind == "execute"]
    ended = [one.at for one in history if isinstance(one.payload, t.StepAbandoned | t.ExecutionFinished)]
    (took,) = [one.payload.wall_s for one in history if isinstance(one.payload, t.ExecutionFinished)]
    assert len(begun) == len(ended) == 2
    assert took == pytest.approx(sum(ended) / 1e6 - sum(begun) / 1e6, abs=0.2)
