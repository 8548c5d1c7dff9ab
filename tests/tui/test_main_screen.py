"""The main screen, key by key, at the size of a small terminal and of a large one."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Input

from engine.run.workspace import Workspace
from engine.transfer.removal import remove
from sia_tui.app import pages
from sia_tui.app.app import SiaApp
from sia_tui.app.rows.row import Target
from sia_tui.app.screens.dialogs import Confirm
from sia_tui.app.widgets.lineage_pane import WHAT_IS_SEEN
from tests.tui.conftest import Opened, settle, texts

SMALL, LARGE = (80, 24), (160, 50)
pytestmark = pytest.mark.asyncio


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_it_opens_on_the_newest_run(played: Path, opened: Opened, size: tuple[int, int]) -> None:
    async with opened(played, size=size) as (_, main):
        assert main.navigator.cursor is not None
        assert main.navigator.cursor.run_id == "r1"
        assert any("toy-1" in line for line in texts(main.lineage.rows))
        assert [line.split()[1:3] for line in texts(main.lineage.rows) if "±" in line] == [
            ["+", "1"],
            ["+", "2"],
            ["-", "3"],
        ]
        assert main.timeline.event == main.navigator.cursor.head


async def test_an_empty_workspace_says_how_to_begin(workspace: Path, opened: Opened) -> None:
    async with opened(workspace) as (pilot, main):
        assert main.navigator.cursor is None
        assert "n to start one" in str(main.breadcrumbs.render())
        await pilot.press("b")
        await settle(pilot)
        assert "no run" in main.unavailable("branch")


async def test_what_a_generation_broke_and_why_takes_three_keys_on_a_small_screen(played: Path, opened: Opened) -> None:
    async with opened(played, size=SMALL) as (pilot, main):
        await pilot.press("3", "v")
        await settle(pilot)
        current = main.inspector.current
        assert current is not None
        assert current.text.startswith("- val-")
        await pilot.press("enter")
        await settle(pilot)
        page = texts(main.inspector.rows)
        assert any("broken by generation 3" in line for line in page)
        assert any("what it changed" in line for line in page)
        assert any("difference of the harnesses" in line for line in page)


async def test_branching_from_a_generation_takes_three_keys_on_a_small_screen(
    played: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sia_tui.app.actions import engine_start as launching

    launched: list[list[str]] = []

    async def launch(_main: object, arguments: list[str], _code: object = ()) -> bool:
        launched.append(list(arguments))
        return True

    monkeypatch.setattr(launching, "start_engine", launch)
    async with opened(played, size=SMALL) as (pilot, _):
        await pilot.press("2", "b")
        await settle(pilot)
        await pilot.press("ctrl+s")
        await settle(pilot)
        assert launched == [["branch", "r1", "--generation", "2"]]


async def test_panes_are_drilled_into_and_left_on_a_small_screen(played: Path, opened: Opened) -> None:
    async with opened(played, size=SMALL) as (pilot, main):
        visible = lambda: [pane.display for pane in main.panes.all]  # noqa: E731
        assert visible() == [True, False, False]
        await pilot.press("enter")
        assert visible() == [False, True, False]
        await pilot.press("enter")
        assert visible() == [False, False, True]
        await pilot.press("escape", "escape")
        assert visible() == [True, False, False]


async def test_a_filter_shows_what_passes_and_escape_shows_all(played: Path, opened: Opened) -> None:
    async with opened(played) as (pilot, main):
        everything = len(main.timeline.rows)
        await pilot.press("slash")
        await settle(pilot)
        await pilot.press(*"type:gate", "enter")
        await settle(pilot)
        assert [line.split()[2] for line in texts(main.timeline.rows)] == ["gate"] * 3
        await pilot.press("escape")
        await settle(pilot)
        assert len(main.timeline.rows) == everything


async def test_a_bad_filter_is_said_and_may_be_corrected(played: Path, opened: Opened) -> None:
    async with opened(played) as (pilot, main):
        await pilot.press("slash")
        await settle(pilot)
        await pilot.press(*"gen:x", "enter")
        await settle(pilot)
        assert "is not a number" in str(pilot.app.screen.query_one("#hint").render())
        await pilot.press("backspace", "3", "enter")
        await settle(pilot)
        assert main.timeline.filter is not None
        assert main.timeline.filter.text == "gen:3"


async def test_broken_is_a_filter(played: Path, opened: Opened) -> None:
    async with opened(played) as (pilot, main):
        await pilot.press("slash")
        await settle(pilot)
        await pilot.press(*"broken gen:3", "enter")
        await settle(pilot)
        found = texts(main.timeline.rows)
        assert len(found) == 5
        assert all("- val" in line for line in found)


async def test_a_phase_is_folded_and_unfolded(played: Path, opened: Opened) -> None:
    async with opened(played) as (pilot, main):
        before = len(main.timeline.rows)
        await pilot.press("l", "g", "O")
        assert len(main.timeline.rows) < before
        assert texts(main.timeline.rows)[0].startswith("> Start")
        await pilot.press("enter")
        assert len(main.timeline.rows) == before


async def test_stepping_jumping_and_the_tail(played: Path, opened: Opened) -> None:
    async with opened(played) as (pilot, main):
        assert main.navigator.cursor is not None
        head = main.navigator.cursor.head
        await pilot.press("left_square_bracket")
        assert main.navigator.cursor.n == head - 1
        await pilot.press("right_square_bracket")
        assert (main.navigator.cursor.n, main.navigator.cursor.until) == (head, None)
        await pilot.press("left_curly_bracket")
        assert main.navigator.cursor.snapshot.state.current is not None
        assert main.navigator.cursor.snapshot.state.current.n == 3
        await pilot.press("colon")
        await settle(pilot)
        await pilot.press("5", "enter")
        await settle(pilot)
        assert main.navigator.cursor.n == 5
        assert main.timeline.event == 5
        await pilot.press("colon")
        await settle(pilot)
        await pilot.press(*"g2", "enter")
        await settle(pilot)
        assert main.navigator.cursor.snapshot.state.current is not None
        assert main.navigator.cursor.snapshot.state.current.n == 2
        await pilot.press("t")
        assert main.navigator.cursor.until is None


async def test_a_replay_plays_to_the_end(played: Path, opened: Opened) -> None:
    async with opened(played) as (pilot, main):
        cursor = main.navigator.cursor
        assert cursor is not None
        await pilot.press("r")
        assert cursor.playing
        await pilot.press(*["plus"] * 6)
        assert cursor.speed == 1000
        for _ in range(200):
            if cursor.until is None:
                break
            await pilot.pause(0.05)
        assert (cursor.until, cursor.playing) == (None, False)


async def test_the_speed_of_a_replay_stands_while_it_plays(played: Path, opened: Opened) -> None:
    async with opened(played) as (pilot, main):
        await pilot.press("{", "{")
        await settle(pilot)
        assert "❚❚ paused · " in str(main.replay_bar.render()) and "r play," in str(main.replay_bar.render())
        await pilot.press("r")
        main.replay_bar.fill()
        assert "▶ playing 10x · " in str(main.replay_bar.render()) and "r pause," in str(main.replay_bar.render())


async def test_marks_compare_generations_and_diff_against(played: Path, opened: Opened) -> None:
    async with opened(played) as (pilot, main):
        await pilot.press("2", "m", "3", "c")
        await settle(pilot)
        page = texts(main.inspector.rows)
        assert any(line.startswith("difference") for line in page)
        assert any("instances that differ" in line for line in page)
        await pilot.press("d")
        await settle(pilot)
        assert main.inspector.title == "difference, candidate 2 to 3"


async def test_the_map_shows_what_was_fixed_and_broken(played: Path, opened: Opened) -> None:
    async with opened(played) as (pilot, main):
        await pilot.press("x")
        await settle(pilot)
        rows = {line.split()[0]: line.split()[1] for line in texts(main.inspector.rows) if line.startswith("val-")}
        assert rows["val-1"] == "-F+"
        assert rows["val-0"] == "+B-"
        assert rows["val-2"] == "-FB"


async def test_the_map_says_who_is_best_where(played: Path, opened: Opened) -> None:
    async with opened(played) as (pilot, main):
        await pilot.press("x")
        await settle(pilot)
        lines = texts(main.inspector.rows)
        best = {line.split()[0]: line.split()[2:] for line in lines if line.startswith("val-")}
        assert best["val-1"] == ["2", "3"]
        assert best["val-0"] == ["1"]
        assert best["val-2"] == ["2"]
        assert any("another is better than generation 2" in line for line in lines)


async def test_bisect_says_first_what_the_generation_did_from_which_it_was_asked(played: Path, opened: Opened) -> None:
    async with opened(played) as (pilot, main):
        await pilot.press("3", "v", "B")
        await settle(pilot)
        first, second, *_ = page = texts(main.inspector.rows)
        assert first.startswith("generation 3 broke val-")
        assert first.endswith(", from 1 to 0; it was rejected.")
        assert second.startswith("generation 2 fixed val-")
        assert any(line.startswith("candidate 2 to 3") for line in page)


async def test_bisect_names_the_candidate(played: Path, opened: Opened) -> None:
    async with opened(played) as (pilot, main):
        await pilot.press("2", "v", "enter")
        await settle(pilot)
        await pilot.press("B")
        await settle(pilot)
        assert "generation 2 broke val-0, from 1 to 0." in texts(main.inspector.rows)[0]


async def test_back_and_forward_go_through_places(played: Path, opened: Opened) -> None:
    async with opened(played) as (pilot, main):
        await pilot.press("2", "v")
        await settle(pilot)
        there = main.navigator.place
        await pilot.press("less_than_sign")
        await settle(pilot)
        assert main.navigator.place.pages != there.pages
        await pilot.press("greater_than_sign")
        await settle(pilot)
        assert main.navigator.place == there


@pytest.mark.parametrize("times", [1, 20])
async def test_a_key_that_does_nothing_says_why_and_says_it_once(played: Path, opened: Opened, times: int) -> None:
    async with opened(played) as (pilot, main):
        await pilot.press(*["a"] * times)
        await pilot.pause()
        assert [note.message for note in pilot.app._notifications] == ["Approve: no candidate needs approval"]
        assert main.unavailable("stop") == "the run is not running: it is finished"


async def test_copy_takes_the_line(played: Path, opened: Opened) -> None:
    async with opened(played) as (pilot, main):
        await pilot.press("y")
        assert pilot.app.clipboard == "toy-1"
        assert main.lineage.current is not None


async def test_zoom_shows_one_pane_of_a_large_screen(played: Path, opened: Opened) -> None:
    async with opened(played) as (pilot, main):
        await pilot.press("z")
        await pilot.pause()
        assert main.panes.narrow
        await pilot.press("z")
        await pilot.pause()
        assert not main.panes.narrow


async def test_a_question_that_cannot_be_undone_has_no_default(played: Path, opened: Opened) -> None:
    answers: list[bool | None] = []
    async with opened(played) as (pilot, _main):
        pilot.app.push_screen(Confirm("Delete it?", ["it is gone"], final=True), answers.append)
        await pilot.press("enter")
        await pilot.pause()
        assert answers == [] and isinstance(pilot.app.screen, Confirm)
        await pilot.press("y")
        await pilot.pause()
        pilot.app.push_screen(Confirm("Stop it?", ["it can be resumed"]), answers.append)
        await pilot.press("enter")
        await pilot.pause()
    assert answers == [True, True]


async def test_a_commit_is_copied_bare_and_whole(played: Path, opened: Opened) -> None:
    async with opened(played) as (pilot, main):
        assert main.navigator.cursor is not None
        commit = main.navigator.cursor.snapshot.state.versions[2].commit
        await pilot.press("2", "F", "g", "y")
        await pilot.pause()
        assert pilot.app.clipboard == commit
        (row,) = [
            one for one in pages.build(main.navigator.cursor.snapshot, Target("generation", 2), 80).rows
            if one.text.startswith("harness ")
        ]  # fmt: skip
        assert row.copy == commit


async def test_settings_that_are_not_set_are_said_in_words(played: Path, opened: Opened) -> None:
    async with opened(played) as (pilot, main):
        main.show_page(Target("run"))
        await settle(pilot)
        shown = [row.text for row in main.inspector.rows]
        assert any(line.split() == ["budget.usd", "none"] for line in shown)
        assert not any("None" in line for line in shown)


async def test_keys_before_the_recording_is_open_act_once_it_is(workspace: Path) -> None:
    app = SiaApp(Workspace(workspace))
    async with app.run_test(size=LARGE) as pilot:
        await pilot.press("2", "B", "v")
        await settle(pilot)
        assert app.main.navigator.generation == 2
        assert app.main.navigator.pages.target == Target("verdict", 2)
        (note,) = app._notifications  # what does not hold once the runs are there is said then
        assert "the cursor is not on an instance" in note.message


async def test_the_recording_is_shown_at_once_where_the_log_has_no_run(played: Path) -> None:
    remove(Workspace(played), "r1")
    app = SiaApp(Workspace(played))
    async with app.run_test(size=LARGE) as pilot:
        await settle(pilot)
        assert app.main.navigator.cursor is not None and app.main.navigator.cursor.source.sealed


async def test_before_all_logs_are_open_no_key_says_that_there_is_no_run(played: Path) -> None:
    app = SiaApp(Workspace(played), shipped=True)  # the recording is opened after a while
    async with app.run_test(size=SMALL):
        app.main.navigator.cursor = None
        assert app.main.unavailable("branch") == "the runs are still being opened; try again in a moment"


async def test_a_filter_that_no_event_passes_says_so(played: Path, opened: Opened) -> None:
    async with opened(played) as (pilot, main):
        await pilot.press("slash", *"nowhere", "enter")
        await settle(pilot)
        assert texts(main.timeline.rows) == ["no event passes this filter; esc clears it"]
        assert "0 events" in main.timeline.filter_note
        await pilot.press("escape")
        await settle(pilot)
        assert len(main.timeline.rows) > 10


async def test_up_and_down_bring_back_the_filters_of_earlier_sessions(
    played: Path, opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    async with opened(played) as (pilot, main):
        for text in ("failed", "broken", "failed", "gen"):
            main.timeline.set_filter(None)
            await pilot.press("slash", *text, "enter")
            await settle(pilot)
    async with opened(played) as (pilot, _main):
        await pilot.press("slash", *"fix")
        line = pilot.app.screen.query_one(Input)
        seen = []
        for key in ("up", "up", "up", "up", "down", "down", "down"):
            await pilot.press(key)
            seen.append(line.value)
        assert seen == ["gen", "failed", "broken", "broken", "failed", "gen", "fix"]


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_the_lineage_says_what_its_marks_mean(played: Path, opened: Opened, size: tuple[int, int]) -> None:
    async with opened(played, size=size) as (pilot, main):
        assert texts(main.lineage.rows)[0] == "+ accepted - rejected 1st first H harness"
        assert "n New run" in str(main.key_bar.render())
        await pilot.press("colon")
        await settle(pilot)
        await pilot.press(*"g1", "enter")
        await settle(pilot)
        assert "rejected" not in texts(main.lineage.rows)[0]  # only of what is there


async def test_a_user_without_runs_is_told_what_is_seen(workspace: Path) -> None:
    app = SiaApp(Workspace(workspace))
    async with app.run_test(size=SMALL) as pilot:
        await settle(pilot)
        assert " ".join(one.strip() for one in texts(app.main.lineage.rows)[:3]).startswith(WHAT_IS_SEEN)
