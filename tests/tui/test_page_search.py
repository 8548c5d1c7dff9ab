"""A page of the inspector is searched: `/`, then `n` and `N`; `esc` ends it, and `n` starts a run again."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot

from sia_tui.app.screens.main import MainScreen
from tests.tui.conftest import Opened, settle

pytestmark = pytest.mark.asyncio


async def search(pilot: Pilot[None], text: str) -> None:
    await pilot.press("slash")
    await settle(pilot)
    await pilot.press(*text, "enter")
    await settle(pilot)


def shown(main: MainScreen) -> list[str]:
    """What is drawn as a match, in sight."""
    lines = [main.inspector.render_line(y) for y in range(main.inspector.size.height)]
    return [one.text for line in lines for one in line if one.style and one.style.reverse]


@pytest.mark.parametrize("size", [(80, 24), (160, 50)])
async def test_n_and_shift_n_go_through_the_matches(played: Path, opened: Opened, size: tuple[int, int]) -> None:
    async with opened(played, size=size) as (pilot, main):
        await pilot.press("3", "v")
        await settle(pilot)
        await search(pilot, "VAL-")
        inspector = main.inspector
        at = [index for index, one in enumerate(inspector.rows) if "val-" in one.text]
        assert len(at) > 1
        assert inspector.cursor_row in at
        assert set(shown(main)) == {"val-"}
        seen = [inspector.cursor_row]
        for _ in at:
            await pilot.press("n")
            seen.append(inspector.cursor_row)
        assert sorted(set(seen)) == at
        assert seen[-1] == seen[0]
        await pilot.press("N")
        assert inspector.cursor_row == seen[-2]
        await pilot.pause()
        assert f"{at.index(inspector.cursor_row) + 1} of {len(at)}" in str(main.breadcrumbs.render())


async def test_esc_ends_the_search_and_keeps_the_page(played: Path, opened: Opened) -> None:
    async with opened(played) as (pilot, main):
        await pilot.press("3", "v")
        await settle(pilot)
        await search(pilot, "val")
        title = main.inspector.title
        await pilot.press("escape")
        await settle(pilot)
        assert (main.inspector.title, main.inspector.sought, shown(main)) == (title, "", [])
        await pilot.press("n")
        await settle(pilot)
        assert pilot.app.screen is not main  # the form of a new run


async def test_another_page_is_not_searched_and_the_first_still_is(played: Path, opened: Opened) -> None:
    async with opened(played) as (pilot, main):
        await pilot.press("3", "v")
        await settle(pilot)
        await search(pilot, "val")
        await pilot.press("enter")
        await settle(pilot)
        assert main.inspector.sought == ""
        await pilot.press("escape")
        await settle(pilot)
        assert main.inspector.sought == "val"


async def test_what_is_not_there_is_said(played: Path, opened: Opened) -> None:
    async with opened(played) as (pilot, main):
        await pilot.press("3", "v")
        await settle(pilot)
        row = main.inspector.cursor_row
        await search(pilot, "nowhere")
        assert main.inspector.cursor_row == row
        assert "is not on this page" in str(main.breadcrumbs.render())
