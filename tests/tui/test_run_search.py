"""All runs are searched while one types: rows by run, ended by esc or by typing on; enter goes to the event."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Static

from engine.events.reader import Reader, RunRow
from sia_tui.app.model import runs_search
from sia_tui.app.palette import Everything
from sia_tui.app.screens import run_search
from sia_tui.app.screens.run_list import RunList
from sia_tui.app.screens.run_search import RunSearch
from sia_tui.app.widgets.lines import Lines
from tests.searched import RAISED, searched
from tests.tui.conftest import Opened, settle, texts, until
from tests.tui.test_manage_runs import press

pytestmark = pytest.mark.asyncio


def screen(pilot: Pilot[None]) -> RunSearch:
    assert isinstance(pilot.app.screen, RunSearch)
    return pilot.app.screen


def note(pilot: Pilot[None]) -> str:
    return str(screen(pilot).query_one("#note", Static).render())


def rows(pilot: Pilot[None]) -> list[str]:
    return texts(screen(pilot).query_one(Lines).rows)


async def sought(pilot: Pilot[None], text: str) -> None:
    """Opens the search from the list of runs, types, and waits until it has ended."""
    await press(pilot, "L", "slash")
    await pilot.press(*text)
    await until(pilot, lambda: not screen(pilot).searching and "run" in note(pilot))


@pytest.mark.parametrize("size", [(80, 24), (160, 50)])
async def test_what_raised_is_found_by_run_and_enter_goes_to_its_log(
    workspace: Path, opened: Opened, size: tuple[int, int]
) -> None:
    async with opened(searched(workspace), size=size) as (pilot, main):
        await sought(pilot, "log:Traceback")
        assert note(pilot).startswith(f"{RAISED + 2} events in 3 runs")
        found = rows(pilot)
        assert found[0] == "b  toy · 2 events" and found[3] == f"a  toy · {RAISED} events"
        assert len(found) == 4 + RAISED and "Traceback (most recent" in found[4]
        await press(pilot, "down", "down", "down", "enter")
        await until(pilot, lambda: pilot.app.screen is main and main.inspector.sought)
        assert main.navigator.cursor is not None and main.navigator.cursor.run_id == "a"
        assert [one.kind for one in main.navigator.pages.targets][-2:] == ["event", "blob"]
        current = main.inspector.current
        assert current is not None and "Traceback" in current.text
        await press(pilot, "L", "slash")
        await until(pilot, lambda: len(rows(pilot)) == 4 + RAISED)  # what was sought last
        await press(pilot, "escape")
        assert isinstance(pilot.app.screen, RunList)
        await press(pilot, "escape")


async def test_beyond_the_most_the_run_is_filtered(
    workspace: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_search, "MOST", 5)
    async with opened(searched(workspace)) as (pilot, main):
        await sought(pilot, "log:Traceback")
        assert f"and {RAISED - 5} more" in rows(pilot)[-1]
        await press(pilot, *["down"] * 10, "enter")
        await until(pilot, lambda: pilot.app.screen is main)
        await settle(pilot)
        assert main.timeline.filter_note.strip() == f"/log:Traceback  {RAISED} events"


async def test_what_cannot_be_read_or_found_is_said(workspace: Path, opened: Opened) -> None:
    async with opened(searched(workspace)) as (pilot, _):
        await sought(pilot, "nonesuch")
        assert note(pilot) == "no event of 3 runs passes" and not rows(pilot)
        await press(pilot, "enter", "space", *"gen:x")
        await until(pilot, lambda: "is not a number or a range" in note(pilot))
        await press(pilot, "escape", "escape")


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Searches stop before the second run until this is set."""
    go, search = threading.Event(), runs_search.search_runs

    def slowly(reader: Reader, runs: list[RunRow], *rest: object, **more: object) -> Iterator[object]:
        for number, found in enumerate(search(reader, runs, *rest, **more)):  # type: ignore[arg-type]
            if number == 1:
                go.wait(30)
            yield found

    monkeypatch.setattr(run_search, "search_runs", slowly)
    monkeypatch.setattr(run_search, "REPORT_S", 0.0)
    yield go
    go.set()


async def test_rows_appear_while_others_are_sought_and_esc_and_typing_end_that(
    workspace: Path, opened: Opened, held: threading.Event
) -> None:
    async with opened(searched(workspace)) as (pilot, _):
        await press(pilot, "L", "slash")
        await pilot.press(*"traceback")
        for _ in range(200):
            await pilot.pause(0.02)
            if rows(pilot):
                break
        assert rows(pilot)[0] == "a-fork  toy · 1 event" and "so far" in note(pilot)
        await pilot.press("escape")
        assert note(pilot).startswith("the search was ended") and len(rows(pilot)) == 2
        await pilot.press("space")
        await pilot.press(*"nonesuch")
        held.set()
        await until(pilot, lambda: note(pilot) == "no event of 3 runs passes")
        await press(pilot, "escape", "escape")


async def test_enter_while_typing_goes_to_what_is_found_for_the_text_as_it_is_typed(
    workspace: Path, opened: Opened
) -> None:
    async with opened(searched(workspace)) as (pilot, main):
        await sought(pilot, "log:Traceback")
        screen(pilot).query_one(Input).value = "nonesuch"
        await pilot.press("enter")
        await until(pilot, lambda: note(pilot) == "no event of 3 runs passes")
        screen(pilot).query_one(Input).value = "log:traceback"
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.screen is main)


async def test_it_is_in_the_palette(workspace: Path, opened: Opened) -> None:
    async with opened(searched(workspace)) as (pilot, main):
        (entry,) = [one for one in Everything(main).entries() if one.name == "Search"]
        assert "of all runs" in entry.help
        call = entry.perform()
        assert call is not None
        await call
        await until(pilot, lambda: isinstance(pilot.app.screen, RunSearch))
        await press(pilot, "escape")
        assert pilot.app.screen is main
