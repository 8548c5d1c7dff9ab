"""Tasks 5, 6, 7 and 12: branching, forking at an event, editing a harness by hand, and replaying a past run."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from sia_tui.app.actions import engine_start
from tests.tui.conftest import Opened
from tests.tui.tasks.conftest import SIZES, enter, press, seen
from tests.tui.test_acting import until

pytestmark = pytest.mark.asyncio


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The command lines of the engines that are started; `test_acting.py` starts real ones."""
    found: list[list[str]] = []

    async def launch(_main: object, arguments: Sequence[str], _code: object = ()) -> bool:
        found.append(list(arguments))
        return True

    monkeypatch.setattr(engine_start, "start_engine", launch)
    return found


@SIZES
async def test_task_05_branch_from_generation_2_with_other_settings(
    played: Path, opened: Opened, launched: list[list[str]], size: tuple[int, int]
) -> None:
    async with opened(played, size=size) as (pilot, _):
        form = await press(pilot, "2", "b")
        assert "branch from generation 2" in form
        assert "candidates to execute" in form
        assert "Start" in form and "ctrl+s Start" in form
        await press(pilot, "down", *["backspace"], *"9")  # the settings: generations from 3 to 9
        assert "$ sia branch r1 --generation 2 --set generations=9" in seen(pilot)
        await press(pilot, "ctrl+s")  # the third key beside the settings, and the way to them
        assert launched == [["branch", "r1", "--generation", "2", "--set", "generations=9"]]


@SIZES
async def test_task_06_fork_at_an_event(
    played: Path, opened: Opened, launched: list[list[str]], size: tuple[int, int]
) -> None:
    async with opened(played, size=size) as (pilot, _):
        await press(pilot, "colon")
        past = await enter(pilot, "20")
        assert "event 20 of " in past
        assert "past event" in past
        form = await press(pilot, "f")
        assert "fork at event 20" in form
        assert "$ sia fork r1 --at 20" in form
        await press(pilot, "ctrl+s")
        assert launched == [["fork", "r1", "--at", "20"]]
        await press(pilot, "l", "G", "k", "f")  # the event under the cursor
        at = re.search(r"fork at event (\d+)", seen(pilot))
        assert at and int(at[1]) <= 20


@SIZES
async def test_task_07_the_harness_edited_by_hand_and_forked(
    played: Path, opened: Opened, launched: list[list[str]], size: tuple[int, int]
) -> None:
    async with opened(played, size=size) as (pilot, _):
        editing = await press(pilot, "2", "e")
        found = re.search(r"candidate 2 in (\S+)", editing)
        assert found
        assert "no changes yet" in editing
        assert "Fork with it" in editing
        folder = Path(found[1])
        (folder / "params.toml").write_text("skill = 77\n")  # as any editor would
        await until(lambda: "skill = 77" in seen(pilot))
        form = await press(pilot, "f")
        assert "The edited harness is its next candidate." in " ".join(form.split())
        await press(pilot, "ctrl+s")
        assert launched[0][0] == "fork"
        assert launched[0][launched[0].index("--harness") + 1] == str(folder)


@SIZES
async def test_task_12_a_past_run_replayed_at_a_speed_stepped_through_and_jumped_in(
    played: Path, opened: Opened, size: tuple[int, int]
) -> None:
    async with opened(played, size=size) as (pilot, _):
        assert "event 74 of 75 · generation 3" in await press(pilot, "[")
        assert "event 31 of 75 · generation 2" in await press(pilot, "{", "{")
        await press(pilot, "colon")
        assert "event 55 of 75 · generation 2" in await enter(pilot, "g2")  # its end
        await press(pilot, "colon")
        assert "event 5 of" in await enter(pilot, "5")
        assert "event 6 of" in await press(pilot, "]")
        assert "▶ playing 1x" in await press(pilot, "-", "-", "-", "r")
        await until(lambda: not re.search("event [56] of", seen(pilot)))  # an event a second, as it was recorded
        assert "▶ playing 2x" in await press(pilot, "+")
        assert "❚❚ paused" in await press(pilot, "r")
        newest = await press(pilot, "t")
        assert "paused" not in newest
        assert " finished · best " in newest
