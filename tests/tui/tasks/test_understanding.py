"""Tasks 2, 3, 4, 8 and 11: what a generation broke and why, prompts and inputs, harnesses, two runs, events."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from engine.events import types as t
from engine.events.log import RunLog
from sia_tui.app.model import instance_inputs
from tests.histories import Play, settings, started
from tests.tui.conftest import Opened
from tests.tui.tasks.conftest import SIZES, enter, press
from tests.tui.test_failures import play

MODELS = Path(__file__).parents[2] / "golden" / "v4-models.db"
"""A run whose harness asks a language model."""
pytestmark = pytest.mark.asyncio


@SIZES
async def test_task_02_what_generation_3_broke_and_why(workspace: Path, opened: Opened, size: tuple[int, int]) -> None:
    async with opened(workspace, size=size, shipped=True) as (pilot, _):
        table = await press(pilot, "3", "v")
        assert "rejected: +0.0131 ± 0.0078 over generation 2" in table
        assert "28 broken, 42 fixed  against generation 2" in table
        assert "- case-0154        1        0" in table
        why = await press(pilot, "j", "enter")  # four keys in all
        assert "broken by generation 3  against generation 2" in why
        assert "generation 2   + 1.000" in why
        assert "generation 3   - 0.000" in why
        assert "method centroid → blend" in why
        which = await press(pilot, "B")
        assert "generation 3 broke case-0154" in which


@SIZES
async def test_task_03_prompt_reply_log_and_input_of_an_instance(
    workspace: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    async with opened(workspace, size=size, files=(MODELS,)) as (pilot, main):
        assert main.navigator.cursor is not None
        digest = main.navigator.cursor.snapshot.state.domain.digest
        inputs = instance_inputs.Inputs({("val", "val-101"): "x is 101"})
        monkeypatch.setattr(instance_inputs, "_read", {digest: inputs})  # the domain's data is no part of the log
        table = await press(pilot, "2", "v")
        assert "+ val-101        0        1  x is 101" in table
        page = await press(pilot, "enter")
        assert "input          x is 101" in page
        assert "fixed by generation 2  against generation 1" in page
        assert "answer         0" in page
        assert "log            0" in page
        found = await press(pilot, "slash", *"model call", "enter")
        assert "model call" in found
        call = await press(pilot, "enter")
        assert "Guess a digit. x = 101" in call
        assert "\nuser" in call or "│user" in call
        assert "\nreply" in call or "│reply" in call


@SIZES
async def test_task_04_the_difference_between_the_harnesses_of_two_generations(
    played: Path, opened: Opened, size: tuple[int, int]
) -> None:
    async with opened(played, size=size) as (pilot, _):
        marked = await press(pilot, "1", "m", "3", "d")
        assert "-skill = 0" in marked
        assert "+skill = 3" in marked or "+skill = 2" in marked
        assert "1-3" in marked or "candidate 1 to 3" in marked
        parent = await press(pilot, "escape", "1", "m", "3", "d")  # the mark is taken away again
        assert "-skill = 0" not in parent
        assert "+skill" in parent


@SIZES
async def test_task_08_two_runs_with_what_they_cost(played: Path, opened: Opened, size: tuple[int, int]) -> None:
    with contextlib.closing(RunLog.hold(played, "r2")) as log:
        first = t.RunStarted(started().rules, "other", started().domain, settings(generations=2))
        Play(log, first).to_rest()  # type: ignore[arg-type]
    async with opened(played, size=size) as (pilot, _):
        assert "» ● toy-1" in await press(pilot, "g", "j", "j", "m")
        shown = await press(pilot, *"jjjj", "c")  # the other run's heading, below three generations
        for what in ("generation 1", "generation 2", "evaluations", "tokens", "dollars", "time", "agent"):
            assert what in shown
        assert "toy-1" in shown and "other" in shown and "$0.0000" in shown
        assert "two-sided" in shown


@SIZES
async def test_task_11_only_the_events_of_a_kind(workspace: Path, opened: Opened, size: tuple[int, int]) -> None:
    play(workspace, failing=lambda instance: instance.endswith("1"))
    async with opened(workspace, size=size) as (pilot, _):
        asked = await press(pilot, "l", "slash")
        assert "for example: type:gate" in asked
        gates = await enter(pilot, "type:gate")
        assert "/type:gate  1 event" in gates
        assert "the first candidate is the incumbent to beat" in gates
        assert "Execution started" not in gates
        raised = await press(pilot, "slash", *["backspace"] * 9)
        raised = await enter(pilot, "log:Traceback")
        assert "/log:Traceback  3 events" in raised
        assert "RuntimeError: no index" in raised
        nothing = await press(pilot, "slash", *["backspace"] * 13)
        nothing = await enter(pilot, "refused")
        assert "no event passes this filter; esc clears it" in nothing
        assert "Execution started" in (await press(pilot, "escape"))
