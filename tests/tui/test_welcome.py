"""A person without runs is told what sia is, and each of the three ways leads where it says."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Button, Input, Static

from engine.run.workspace import Workspace
from sia_tui.app.actions import engine_start as launching
from sia_tui.app.app import SiaApp
from sia_tui.app.screens.form import Choice, Form
from sia_tui.app.screens.welcome import Welcome
from sia_tui.cli import welcome
from tests.tui.conftest import settle

pytestmark = pytest.mark.asyncio


@contextlib.asynccontextmanager
async def greeted(folder: Path, **rest: Any) -> AsyncIterator[Pilot[None]]:
    app = SiaApp(Workspace(folder / ".sia"), greets=True, **rest)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        yield pilot


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> list[Sequence[str]]:
    """The command lines of engines that would have been started."""
    found: list[Sequence[str]] = []

    async def launch(_main: object, arguments: Sequence[str], _code: object = ()) -> bool:
        found.append(arguments)
        return True

    monkeypatch.setattr(launching, "start_engine", launch)
    return found


def shown(pilot: Pilot[None]) -> str:
    """The text of the screen."""
    return "\n".join(
        "".join(segment.text for segment in strip) for strip in pilot.app.screen._compositor.render_strips()
    )


async def test_all_of_it_is_on_a_small_screen(tmp_path: Path) -> None:
    async with greeted(tmp_path) as pilot:
        text = shown(pilot)
        ways = [line for way in welcome.WAYS for line in (way.title, *way.about)]
        for line in (*welcome.WHAT, welcome.HERE, *ways, "q Quit"):
            assert line in text
        assert not (tmp_path / ".sia").exists()


@pytest.mark.parametrize("key", ["enter", "1", "escape"])
async def test_looking_leads_to_the_recorded_run(tmp_path: Path, launched: list[Sequence[str]], key: str) -> None:
    async with greeted(tmp_path) as pilot:
        await pilot.press(key)
        await settle(pilot)
        main = pilot.app.main  # type: ignore[attr-defined]
        assert pilot.app.screen is main
        assert main.navigator.cursor is not None and main.navigator.cursor.source.sealed
        assert "recorded" in shown(pilot) and "read-only" in shown(pilot)
    assert launched == []


@pytest.mark.parametrize("keys", [["2"], ["j", "enter"], ["down", "enter"], ["j", "j", "k", "enter"]])
async def test_the_ten_second_task_is_run(tmp_path: Path, launched: list[Sequence[str]], keys: list[str]) -> None:
    async with greeted(tmp_path) as pilot:
        await pilot.press(*keys)
        await settle(pilot)
    assert launched == [["run", "toy", "--generations", "3"]]


async def test_a_task_of_ones_own_is_made_run_and_explained(tmp_path: Path, launched: list[Sequence[str]]) -> None:
    folder = tmp_path / "my task"
    async with greeted(tmp_path) as pilot:
        await pilot.press("3")
        await settle(pilot)
        pilot.app.screen.query_one("#field-0", Input).value = str(folder)
        await pilot.press("ctrl+s")
        await settle(pilot)
        (note,) = pilot.app._notifications
        assert "README.md says what to change" in note.message and f"sia check '{folder}'" in note.message
    assert (folder / "domain.toml").is_file()
    assert launched == [["run", str(folder), "--generations", "3"]]


async def test_a_task_that_needs_a_model_is_made_and_not_run(tmp_path: Path, launched: list[Sequence[str]]) -> None:
    async with greeted(tmp_path) as pilot:
        await pilot.press("3")
        await settle(pilot)
        pilot.app.screen.query_one("#field-0", Input).value = str(tmp_path / "mine")
        button = pilot.app.screen.query_one("#accept", Button)
        assert str(button.label) == "Create my-task and run it"
        pilot.app.screen.query_one("#field-0", Input).value = str(tmp_path / "mé 任务")
        await settle(pilot)
        assert str(button.label) == "Create me and run it"
        pilot.app.screen.query_one("#field-0", Input).value = str(tmp_path / "mine")
        pilot.app.screen.query_one("#field-1", Choice).value = "judge"
        await settle(pilot)
        assert str(button.label) == "Create mine"
        await pilot.press("ctrl+s")
        await settle(pilot)
    assert (tmp_path / "mine" / "domain.toml").is_file()
    assert launched == []


async def test_a_folder_that_holds_something_is_refused_and_the_way_back_is_open(tmp_path: Path) -> None:
    async with greeted(tmp_path) as pilot:
        await pilot.press("3")
        await settle(pilot)
        pilot.app.screen.query_one("#field-0", Input).value = str(Path(__file__).parent)
        await pilot.press("ctrl+s")
        await settle(pilot)
        assert isinstance(pilot.app.screen, Form) and "overwritten" in shown(pilot)
        await pilot.press("escape")
        await settle(pilot)
        assert isinstance(pilot.app.screen, Welcome)


@pytest.mark.parametrize(("folder", "says"), [("/proc/none/mine", "/proc/none"), ("x" * 300, "name too long")])
async def test_a_folder_that_the_system_refuses_is_told_in_the_form(tmp_path: Path, folder: str, says: str) -> None:
    async with greeted(tmp_path) as pilot:
        await pilot.press("3")
        await settle(pilot)
        pilot.app.screen.query_one("#field-0", Input).value = folder
        await pilot.press("ctrl+s")
        await settle(pilot)
        assert isinstance(pilot.app.screen, Form) and pilot.app.screen.values == {"folder": folder}
        assert says in str(pilot.app.screen.query_one("#hint", Static).render())


async def test_a_workspace_with_a_log_is_shown_at_once(played: Path) -> None:
    app = SiaApp(Workspace(played), greets=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert pilot.app.screen is app.main


async def test_leaving_while_an_engine_is_being_started_is_known(tmp_path: Path) -> None:
    async with greeted(tmp_path) as pilot:
        await pilot.press("escape")
        await settle(pilot)
        main = pilot.app.main  # type: ignore[attr-defined]
        main.run_worker(launching.start_engine(main, ["run", "no-such-task"]), exit_on_error=False)
        while not main.note:
            await pilot.pause(0.02)
        assert not main.left_starting
    assert main.left_starting


@pytest.mark.parametrize("content", ['theme = "pink"', "theme = "])
async def test_preferences_that_cannot_be_used_are_told_and_the_app_starts(
    played: Path, tmp_path: Path, content: str
) -> None:
    (tmp_path / "tui.toml").write_text(content)
    app = SiaApp(Workspace(played))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        (note,) = app._notifications
        assert "tui.toml" in note.message and app.theme == "sia"


async def test_quitting_leaves_nothing_behind(tmp_path: Path) -> None:
    async with greeted(tmp_path) as pilot:
        await pilot.press("q")
        await settle(pilot)
        assert not pilot.app.is_running or pilot.app._exit
    assert list(tmp_path.iterdir()) == []
