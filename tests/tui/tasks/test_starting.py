"""Tasks 14, 16 and 24: a new run, also on a folder of one's own; any command by name; which isolation holds."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
from textual.pilot import Pilot

from engine.events.log import RunLog
from sia_tui.app.actions import engine_start
from tests.histories import Play, settings, started
from tests.story import TOY
from tests.tui.conftest import Opened, settle, until
from tests.tui.tasks.conftest import SIZES, enter, press, seen

pytestmark = pytest.mark.asyncio


@SIZES
async def test_task_14_a_run_on_a_folder_of_ones_own(
    tmp_path: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    launched: list[Sequence[str]] = []

    async def launch(_main: object, arguments: Sequence[str], _code: object = ()) -> bool:
        launched.append(arguments)
        return True

    monkeypatch.setattr(engine_start, "start_engine", launch)
    shutil.copytree(TOY, tmp_path / "mine", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.chdir(tmp_path)
    async with opened(tmp_path / "w", size=size) as (pilot, _):
        domains = await press(pilot, "n")
        assert "a name, or a folder with a domain.toml" in domains
        assert "Which digit is drawn on these 8 by 8 squares?" in domains
        await press(pilot, *"./mi")
        assert "./mine/" in (await press(pilot, "tab"))
        form = await enter(pilot, "")
        assert "What is the last digit of seven times x?" in form
        assert "$ sia run ./mine/" in form and "Start" in form
        await press(pilot, *"first", "enter", *"3", "enter")  # name and generations
        assert "$ sia run ./mine/ --name first --generations 3" in seen(pilot)
        await press(pilot, "ctrl+s")
    assert launched == [["run", "./mine/", "--name", "first", "--generations", "3"]]


async def test_task_14_a_run_that_is_started_is_followed_from_its_first_second(tmp_path: Path, opened: Opened) -> None:
    async with opened(tmp_path / "w", size=(80, 24)) as (pilot, main):
        await press(pilot, "n")
        await enter(pilot, str(TOY))
        await press(pilot, *"first", "enter", *"1")
        await press(pilot, "ctrl+s")
        shown: list[str] = []
        async with asyncio.timeout(30):
            while not any("first is finished" in one.message for one in pilot.app._notifications):
                shown.append(seen(pilot))
                await asyncio.sleep(0.1)
        await settle(pilot)
        assert main.navigator.status == "finished" and " finished · best 0." in seen(pilot)
        assert any(" running · gen 1/1 " in one for one in shown)
        assert not any("interrupted" in one for one in shown)


async def find(pilot: Pilot[None], words: str, shown: str) -> str:
    """Types `words` into the palette; returns what is seen once `shown` is."""
    await press(pilot, "ctrl+p", *words)
    async with asyncio.timeout(10):  # the palette waits for a pause in what is typed
        while shown not in seen(pilot):
            await asyncio.sleep(0.05)
    return seen(pilot)


@SIZES
async def test_task_16_any_command_is_found_by_a_word(played: Path, opened: Opened, size: tuple[int, int]) -> None:
    async with opened(played, size=size) as (pilot, main):
        assert "the results of all instances" not in await find(
            pilot, "traceb", "the traceback of the first failure of the generation (X)"
        )
        await press(pilot, "escape")
        await find(pilot, "qqqq", "No matches found")
        await press(pilot, "escape")
        await find(pilot, "stop", "not now: the run is not running")
        await press(pilot, "escape")
        await find(pilot, "generation 2", "select it")
        await press(pilot, "enter")
        await until(pilot, lambda: main.navigator.generation == 2)
        await find(pilot, "budget", "the spend and the budget ($)")
        await press(pilot, "enter")
        await until(pilot, lambda: "by generation" in seen(pilot))


PARTIAL = {
    "level": "partial",
    "measures": [
        {"name": "network", "achieved": True, "how": "own network namespace"},
        {"name": "memory of the tree", "achieved": False, "how": "polled", "remedy": "start it in a control group"},
    ],
}


@SIZES
@pytest.mark.parametrize(
    ("isolation", "says"),
    [
        ({"level": "full"}, ["no process of", "no network"]),
        (PARTIAL, ["is contained, but", "ok network", "no memory of the tree", "start it in a control group"]),
        ({"level": "none"}, ["There is no sandbox", "whatever you can"]),
        ({}, ["does not say"]),
    ],
    ids=["full", "partial", "none", "unknown"],
)
async def test_task_24_which_isolation_holds_in_words(
    workspace: Path, opened: Opened, size: tuple[int, int], isolation: dict[str, object], says: list[str]
) -> None:
    began = msgspec.structs.replace(started(settings(generations=1)), isolation=isolation)
    with contextlib.closing(RunLog.hold(workspace, "r1")) as log:
        Play(log, began).to_rest()  # type: ignore[arg-type]
    async with opened(workspace, size=size) as (pilot, _):
        if isolation.get("level") == "none":
            assert "sandbox none" in seen(pilot)  # said without a key
        page = await press(pilot, "I")
        for words in says:
            assert words in " ".join(page.split())
