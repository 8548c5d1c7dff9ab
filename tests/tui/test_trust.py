"""The app asks before an engine would use a workspace, or run the code of a task, that the user has not named."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from textual.widgets import Input

from engine import trust
from engine.errors import SiaError
from engine.events.log import RunLog
from sia_tui.app.screens.dialogs import Confirm
from sia_tui.app.screens.form import Form
from tests.histories import Play, settings, started
from tests.story import TOY
from tests.tui.conftest import Opened, settle

pytestmark = pytest.mark.asyncio


@pytest.fixture
def foreign(workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A finished run on a task, in a workspace, neither of which this user has named."""
    first = started(settings(generations=3, agent="search"))
    first = replace(first, domain=replace(first.domain, source=str(TOY)))
    with contextlib.closing(RunLog.hold(workspace, "r1")) as log:
        Play(log, first).to_rest()  # type: ignore[arg-type]
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "nothing yet"))
    return workspace


@pytest.fixture
def engines(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The command lines of the engines that the app would start."""
    asked: list[list[str]] = []

    def start(arguments: Any, workspace: Path) -> None:
        asked.append(list(arguments))
        raise SiaError("no engine here", "this is a test")

    monkeypatch.setattr("sia_tui.cli.processes.engine_process.EngineProcess", start)
    return asked


@pytest.mark.parametrize(
    ("keys", "command"),
    [
        ("p", "resume"),
        ("n enter", "run"),
        pytest.param("U y", "test", marks=pytest.mark.slow),
        pytest.param("1 b", "branch", marks=pytest.mark.slow),
        pytest.param("f", "fork", marks=pytest.mark.slow),
    ],
)
async def test_it_asks_once(foreign: Path, opened: Opened, engines: list[list[str]], keys: str, command: str) -> None:
    async def press(pilot: Any) -> None:
        if isinstance(pilot.app.screen, Form):  # it stays open where nothing was started
            await pilot.press("escape")
            await settle(pilot)
        for key in keys.split():
            await pilot.press(key)
            await settle(pilot)
        if isinstance(pilot.app.screen.focused, Input):
            await pilot.press("9", "ctrl+s")  # something is changed, or the form starts nothing
            await settle(pilot)

    async with opened(foreign) as (pilot, _main):
        await press(pilot)
        assert isinstance(pilot.app.screen, Confirm)
        await pilot.press("n")
        await settle(pilot)
        assert engines == []
        await press(pilot)
        await pilot.press("y")
        await settle(pilot)
        assert [words[0] for words in engines] == [command]
        await press(pilot)
        assert [words[0] for words in engines] == [command] * 2
    assert trust.untrusted(foreign, [TOY]) == []


async def test_it_names_the_server_that_a_log_names(
    workspace: Path, tmp_path: Path, opened: Opened, engines: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = "http://127.0.0.1:9/v1"
    with contextlib.closing(RunLog.hold(workspace, "r1")) as log:
        Play(log, started(settings(generations=3, model=f"openai:x@{theirs}"))).to_rest()  # type: ignore[arg-type]
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "nothing yet"))
    trust.remember(workspace)
    async with opened(workspace) as (pilot, _main):
        await pilot.press("U", "y")
        await settle(pilot)
        asked = pilot.app.screen
        assert isinstance(asked, Confirm)
        said = " ".join(str(one.render()) for one in asked.query("Static"))
        assert f"{theirs}: prompts are sent to it" in said
        await pilot.press("y")
        await settle(pilot)
        assert [words[0] for words in engines] == ["test"]
    assert trust.untrusted(workspace, [theirs]) == []
