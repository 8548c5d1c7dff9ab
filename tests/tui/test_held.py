"""A gain that is kept for a person: in red wherever the run is shown, and answered with a key."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from textual.widgets import Static

from engine.core.state import fold
from engine.events.log import RunLog
from engine.events.reader import Reader
from engine.queries.snapshot import Outline
from sia_tui.app import pages
from sia_tui.app.model.snapshot import RunSnapshot
from sia_tui.app.rows.event_line import event_summary
from sia_tui.app.rows.row import Row, Target
from sia_tui.app.screens.approval import ApprovalScreen, candidate_rows
from sia_tui.app.widgets.lines import Lines
from tests.histories import Play, settings, started
from tests.tui.conftest import Opened, settle

WHY = "a gain of +999999.9999 over generation 1 is beyond 5, the most that is accepted without a person"


@pytest.fixture
def held(workspace: Path) -> Path:
    """A run whose second candidate forged its score, and whose engine has ended."""
    first = started(settings(generations=3, agent="search", approve="jumps", scale=0.5))
    with contextlib.closing(RunLog.hold(workspace, "r1")) as log:
        skill = {1: 0.5, 2: 1_000_000.4999}
        Play(log, first, skill=lambda number, _: skill[number], absent=True).to_rest()  # type: ignore[arg-type]
    return workspace


def red(rows: list[Row] | tuple[Row, ...]) -> str:
    return " ".join(text for row in rows for text, tone in row.spans if tone == "bad")


def test_every_place_that_tells_of_the_candidate_says_why_in_red(held: Path) -> None:
    with contextlib.closing(Reader.open(held / "events.db")) as reader:
        run = reader.find("toy-1").run
        last = list(reader.history(run))[-1]
        at = RunSnapshot(reader, Outline(reader, run), last.n)
        overview = pages.build(at, Target("run"), 300).rows
        assert f"! {2:>3} " in red(list(overview)) and f"held: {WHY}" in red(list(overview))
        assert WHY in red(list(pages.build(at, Target("generation", 2), 300).rows))
        assert WHY in red(candidate_rows(at, 2, 300))
        assert WHY in red([Row(event_summary(last))])


@pytest.mark.asyncio
@pytest.mark.parametrize("width", [60, 80, 200])
async def test_bars_show_whole_parts_and_first_what_a_person_must_do(held: Path, opened: Opened, width: int) -> None:
    async with opened(held, size=(width, 24)) as (_, main):
        status, keys = str(main.status_line.render()), str(main.key_bar.render())
        assert status.startswith(" Candidate 2 needs your approval (a)")
        assert keys.startswith(" a Approve")
        assert keys.rstrip().endswith("q Quit") and "? Keys" in keys
        assert max(map(len, (status, keys))) <= width


@pytest.mark.asyncio
async def test_it_is_declined_with_a_key_and_cannot_be_edited(held: Path, opened: Opened) -> None:
    async with opened(held) as (pilot, _):
        await pilot.press("a")
        await settle(pilot)
        screen = pilot.app.screen
        assert isinstance(screen, ApprovalScreen)
        assert "candidate 2 has a gain that needs your approval" in str(screen.query_one("#head", Static).render())
        assert WHY in " ".join(row.text for row in screen.query_one(Lines).rows)
        await pilot.press("e")
        await settle(pilot)
        assert pilot.app.screen is screen
        await pilot.press("n")
        await settle(pilot)
        await pilot.press(*"forged", "enter")
        await settle(pilot)
    with contextlib.closing(Reader.open(held / "events.db")) as reader:
        state = fold(reader.history(reader.find("toy-1").run))
    assert state.awaiting is None and state.answer is not None
    assert (state.answer.answer, state.answer.reason) == ("no", "forged")
