"""Forms: nothing typed is lost, what is wrong stands at its field, and the command that does the same is shown."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Button, Input, OptionList, Static

from engine.errors import SiaError
from engine.events import types as t
from engine.loop.fork import change_settings
from sia_tui.app.actions import engine_start, new_run, setting_fields
from sia_tui.app.screens.form import Choice, Form
from sia_tui.app.screens.harness_editor import HarnessEditor
from sia_tui.app.screens.main import MainScreen
from sia_tui.app.screens.picker import Picker
from tests.histories import settings
from tests.story import TOY
from tests.tui.conftest import Opened, settle

pytestmark = pytest.mark.asyncio


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The command lines of engines that would have been started; those of a run named `taken` are refused."""
    found: list[list[str]] = []

    async def launch(_main: object, arguments: Sequence[str], _code: object = ()) -> bool:
        if "taken" in arguments:
            raise SiaError("the name 'taken' belongs to another run", "choose another --name")
        found.append(list(arguments))
        return True

    monkeypatch.setattr(engine_start, "start_engine", launch)
    return found


async def open_form(pilot: Pilot[None]) -> None:
    """The form of a new run on the toy."""
    await pilot.press("n")
    await settle(pilot)
    pilot.app.screen.query_one(Input).value = "toy"
    await pilot.press("enter")
    await settle(pilot)


def names(pilot: Pilot[None]) -> list[str]:
    """The names of the fields, without the mark of a change."""
    return [str(one.render()).strip(" •") for one in pilot.app.screen.query(".label").results(Static)]


def field(pilot: Pilot[None], name: str) -> Input:
    """A line of the form."""
    return pilot.app.screen.query_one(f"#field-{names(pilot).index(name)}", Input)


def beside(pilot: Pilot[None], name: str) -> str:
    """What stands beside a field."""
    return str(pilot.app.screen.query_one(f"#beside-{names(pilot).index(name)}", Static).render())


def command(pilot: Pilot[None]) -> str:
    """The command that the form shows."""
    return str(pilot.app.screen.query_one("#command", Static).render())


@pytest.mark.parametrize("size", [(80, 24), (160, 50)])
async def test_enter_goes_on_and_the_command_that_is_shown_is_the_one_that_is_started(
    played: Path, opened: Opened, launched: list[list[str]], size: tuple[int, int]
) -> None:
    async with opened(played, size=size) as (pilot, main):
        await open_form(pilot)
        assert names(pilot)[:3] == ["name", "generations", "agent"]  # what is changed most
        for key in ("mine", "12"):
            await pilot.press(*key, "enter")
        assert isinstance(pilot.app.screen, Form) and pilot.app.focused is field(pilot, "agent")
        assert not launched and command(pilot) == "$ sia run toy --name mine --generations 12"
        labels = pilot.app.screen.query(".label").results(Static)
        assert all(len(str(one.render())) < one.size.width for one in labels)  # no name runs into its value
        button = pilot.app.screen.query_one(Button)
        assert button.region.bottom <= size[1] - 1 and button.region.width
        button.focus()
        await pilot.press("enter")
        await settle(pilot)
        assert launched == [["run", "toy", "--name", "mine", "--generations", "12"]]
        assert pilot.app.screen is main


async def test_a_value_that_is_none_is_told_at_its_field_and_nothing_is_lost(
    played: Path, opened: Opened, launched: list[list[str]]
) -> None:
    async with opened(played) as (pilot, _):
        for key in ("n", "b"):
            if key == "b":
                await pilot.press("2", "b")
                await settle(pilot)
            else:
                await open_form(pilot)
            field(pilot, "name").value = "mine"
            field(pilot, "seed").value = "seven"
            await pilot.press("ctrl+s")
            await settle(pilot)
            assert beside(pilot, "seed") == "seed must be a whole number"
            assert pilot.app.focused is field(pilot, "seed")
            assert field(pilot, "name").value == "mine" and field(pilot, "seed").value == "seven"
            await pilot.press("escape")
            await settle(pilot)
    assert not launched


async def test_what_the_command_refuses_is_told_at_its_field_and_the_form_stays_open(
    played: Path, opened: Opened, launched: list[list[str]]
) -> None:
    async with opened(played) as (pilot, main):
        await open_form(pilot)
        field(pilot, "name").value = "taken"
        field(pilot, "generations").value = "5"
        await pilot.press("ctrl+s")
        await settle(pilot)
        assert isinstance(pilot.app.screen, Form) and "belongs to another run" in beside(pilot, "name")
        assert field(pilot, "generations").value == "5" and not pilot.app._notifications
        field(pilot, "name").value = "free"
        await pilot.press("ctrl+s")
        await settle(pilot)
        assert launched == [["run", "toy", "--name", "free", "--generations", "5"]] and pilot.app.screen is main


async def test_a_refusal_after_the_form_was_closed_is_a_notification(
    played: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = asyncio.Event()

    async def refuse(*_: object) -> bool:
        await go.wait()
        raise SiaError("there are no generations", "choose at least 1")

    monkeypatch.setattr(engine_start, "start_engine", refuse)
    async with opened(played) as (pilot, main):
        await open_form(pilot)
        await pilot.press("ctrl+s")
        await pilot.pause()
        assert str(pilot.app.screen.query_one("#hint", Static).render()) == "wait ..."
        await pilot.press("escape")
        while pilot.app.screen is not main:
            await pilot.pause(0.02)
        go.set()
        await settle(pilot)
        assert "there are no generations; choose at least 1" in [one.message for one in pilot.app._notifications]


@pytest.mark.parametrize("size", [(80, 24), (160, 50)])
async def test_a_sentence_that_has_no_room_beside_its_field_stands_whole_below(
    played: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    why = "the agent search is not a language model; leave --agent-model out, or choose another agent"

    async def refuse(*_: object) -> bool:
        raise SiaError(*why.split("; "))

    monkeypatch.setattr(engine_start, "start_engine", refuse)
    async with opened(played, size=size) as (pilot, _):
        await open_form(pilot)
        field(pilot, "agent-model").value = "x"
        await pilot.press("ctrl+s")
        await settle(pilot)
        assert pilot.app.focused is field(pilot, "agent-model")  # of the two that are named the one that was changed
        assert "not a language model" in beside(pilot, "agent-model") and "changes" in beside(pilot, "agent")
        assert str(pilot.app.screen.query_one("#hint", Static).render()) == why
        await pilot.press("tab", "shift+tab")
        await settle(pilot)
        assert str(pilot.app.screen.query_one("#hint", Static).render()) == why


async def test_what_has_few_values_is_a_list(played: Path, opened: Opened, launched: list[list[str]]) -> None:
    async with opened(played) as (pilot, _):
        await open_form(pilot)
        lever = pilot.app.screen.query_one(f"#field-{names(pilot).index('lever')}", Choice)
        lever.focus()
        await pilot.press("enter", "down", "enter")
        await settle(pilot)
        await pilot.press("ctrl+s")
        await settle(pilot)
    assert launched == [["run", "toy", "--lever", "harness"]]


async def test_a_cap_that_is_emptied_is_taken_away() -> None:
    capped = settings(agent="search", budget=t.Budget(usd=3.0))
    fields = setting_fields.child_fields(capped, {})
    assert next(one for one in fields if one.name == "budget.usd").wrong("") == ""
    (assignment,) = new_run.assignments({"budget.usd": ""}, fields)
    changed = change_settings(capped, [assignment])
    assert changed is not None and changed.budget.usd is None


async def test_a_domain_is_picked_from_a_list_or_found_by_its_path(
    tmp_path: Path, played: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(TOY, tmp_path / "tasks" / "mine", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("mine/data", "mine/__pycache__", "__pycache__", ".hidden"):
        (tmp_path / "tasks" / name).mkdir(exist_ok=True)

    def offered(pilot: Pilot[None]) -> list[str]:
        options = pilot.app.screen.query_one(OptionList).options
        return [str(one.prompt).split()[0] for one in options]

    async def ask(pilot: Pilot[None], main: MainScreen) -> None:
        await pilot.press("n")
        await settle(pilot)
        assert isinstance(pilot.app.screen, Picker) and pilot.app.screen is not main

    monkeypatch.chdir(tmp_path / "tasks")
    async with opened(played) as (pilot, main):
        await ask(pilot, main)
        assert {"toy", "lawbench", "denoising", "./mine"} <= set(offered(pilot))
        entry = pilot.app.screen.query_one(Input)
        entry.value = "mi"
        await settle(pilot)
        assert offered(pilot)[0] == "./mine"  # before what only says "mi" of itself
        entry.value = "law"
        await settle(pilot)
        assert offered(pilot) == ["lawbench"]
        entry.value = f"{tmp_path}/tas"
        await settle(pilot)
        await pilot.press("tab")
        assert entry.value == f"{tmp_path}/tasks/"
        await settle(pilot)
        await pilot.press("tab")
        assert entry.value == f"{tmp_path}/tasks/mine/"
        await settle(pilot)
        assert offered(pilot) == []  # folders of a task are no tasks
        entry.value = f"{tmp_path}/tasks/."
        await settle(pilot)
        assert offered(pilot) == []
        entry.value = "no such task"
        await pilot.press("enter")
        await settle(pilot)
        assert isinstance(pilot.app.screen, Picker) and entry.value == "no such task"
        entry.value = f"{tmp_path}/tasks/mine"
        await pilot.press("enter")
        await settle(pilot)
        assert isinstance(pilot.app.screen, Form)


async def test_a_hint_to_a_run_that_does_not_run_is_said_to_be_read_if_it_is_resumed(
    played: Path, opened: Opened
) -> None:
    async with opened(played) as (pilot, _):
        await pilot.press("H")
        await settle(pilot)
        said = str(pilot.app.screen.query_one("#hint", Static).render())
        assert said.endswith("from its next Analysis on, if the run is resumed")


@pytest.mark.parametrize("key", ["ctrl+s", "escape"])
async def test_the_files_of_an_edited_harness_go_once_a_fork_has_them_and_else_are_named(
    played: Path, opened: Opened, launched: list[list[str]], key: str
) -> None:
    async with opened(played) as (pilot, _):
        await pilot.press("e")
        await settle(pilot)
        editor = pilot.app.screen
        assert isinstance(editor, HarnessEditor)
        file = next(path for path in editor.folder.rglob("*") if path.is_file())
        file.write_bytes(file.read_bytes() + b"# mine\n")
        await pilot.press("f")
        await settle(pilot)
        assert isinstance(pilot.app.screen, Form)
        await pilot.press(key)
        await settle(pilot)
        kept = any(str(editor.folder) in one.message for one in pilot.app._notifications)
    assert editor.folder.exists() == kept == (key == "escape") and len(launched) == (key == "ctrl+s")
    shutil.rmtree(editor.folder, ignore_errors=True)


async def test_the_editors_folder_goes_with_the_app_where_nothing_was_changed(played: Path, opened: Opened) -> None:
    async with opened(played) as (pilot, _):
        await pilot.press("e")
        await settle(pilot)
        editor = pilot.app.screen
        assert isinstance(editor, HarnessEditor) and editor.folder.exists()
    assert not editor.folder.exists()
