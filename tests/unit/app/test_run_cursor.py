"""The event at which a run is shown: steps, jumps by what a user types, and the clock of a replay."""

from __future__ import annotations

from datetime import datetime

import pytest

from engine.errors import SiaError
from sia_tui.app.navigator.navigator import Navigator
from sia_tui.app.navigator.position import parse_position
from sia_tui.app.navigator.run_cursor import MAX_PAUSE_S, SPEEDS, RunCursor
from sia_tui.app.widgets.status_line import view
from tests.unit.app.conftest import SECOND_US, START_US


@pytest.fixture
def cursor(navigator: Navigator) -> RunCursor:
    assert navigator.cursor is not None
    return navigator.cursor


def test_the_last_event_is_the_head(cursor: RunCursor) -> None:
    cursor.step(-1)
    assert (cursor.n, cursor.at_head) == (cursor.head - 1, False)
    cursor.step(1)
    assert (cursor.n, cursor.at_head) == (cursor.head, True)
    cursor.go_to(-5)
    assert cursor.n == 1
    cursor.go_to(cursor.head + 5)
    assert cursor.at_head


def test_generations_are_stepped_through_by_their_first_events(cursor: RunCursor) -> None:
    starts = [event.n for event in cursor.outline.milestones if event.type == "generation.started"]
    seen = []
    for _ in starts:
        cursor.step_generation(-1)
        seen.append(cursor.n)
    assert seen == starts[::-1]
    cursor.step_generation(-1)
    assert cursor.n == 1
    cursor.step_generation(1)
    assert cursor.n == starts[0]
    cursor.go_to(starts[-1])
    cursor.step_generation(1)
    assert cursor.at_head


@pytest.mark.parametrize(("text", "n"), [("", None), ("end", None), ("1", 1), ("1,2", 12), ("+0s", 1), ("+4s", 5)])
def test_a_position_is_an_event_or_a_time_after_the_start(cursor: RunCursor, text: str, n: int | None) -> None:
    assert parse_position(cursor, text) == n


def test_a_position_is_a_generation_or_a_time_of_day(cursor: RunCursor) -> None:
    second = next(event.n for event in cursor.outline.milestones if event.generation == 2)
    assert parse_position(cursor, "g1") == second - 1
    assert parse_position(cursor, "g3") == cursor.head
    clock = datetime.fromtimestamp((START_US + 6 * SECOND_US) / SECOND_US).astimezone()
    assert parse_position(cursor, clock.strftime("%H:%M:%S")) == 7


@pytest.mark.parametrize("text", ["0", "999999", "g9", "25:00", "soon", "+", "3.5"])
def test_what_is_no_position_is_refused_with_a_remedy(cursor: RunCursor, text: str) -> None:
    with pytest.raises(SiaError) as error:
        parse_position(cursor, text)
    assert "; " in str(error.value)


def test_a_replay_follows_the_recorded_times_at_its_speed(cursor: RunCursor) -> None:
    cursor.toggle_replay()
    assert (cursor.n, cursor.playing) == (1, True)
    assert not cursor.advance(0.05), "half a second of the run: the next event is a second later"
    assert cursor.advance(0.06)
    assert cursor.n == 2
    cursor.advance(1.0)
    assert cursor.n == 12
    cursor.toggle_replay()
    assert not cursor.advance(10)
    cursor.toggle_replay()
    for _ in range(cursor.head):
        cursor.advance(1.0)
    assert (cursor.at_head, cursor.playing) == (True, False)


def test_a_long_pause_of_a_run_is_cut_in_its_replay(cursor: RunCursor, monkeypatch: pytest.MonkeyPatch) -> None:
    hour = 3600 * SECOND_US
    monkeypatch.setattr(RunCursor, "_time_of", lambda _self, n: n * hour)
    cursor.toggle_replay()
    cursor.advance(0.1)  # from here the next event is no further away than the longest pause
    cursor.advance(MAX_PAUSE_S - 0.1)
    assert cursor.n == 1
    cursor.advance(0.2)
    assert cursor.n == 2


def test_the_speed_stays_within_its_steps(cursor: RunCursor) -> None:
    for _ in SPEEDS:
        cursor.change_speed(1)
    assert cursor.speed == SPEEDS[-1]
    cursor.change_speed(-1)
    assert cursor.speed == SPEEDS[-2]


def test_the_status_line_follows_at_the_head_only(cursor: RunCursor) -> None:
    live = [view(cursor, following=following, live=True) for following in (True, False)]
    assert live == ["following", "view paused"]
    ended = f"event {cursor.head:,}"
    assert view(cursor, following=True, live=False) == ended  # nothing more comes of a run that has ended
    cursor.go_to(3)
    assert view(cursor, following=True, live=False) == "event 3"


@pytest.mark.parametrize(
    "text", ["9" * 30, "9" * 5000, "g" + "9" * 30, "g" + "9" * 5000, "+" + "9" * 400, "+1e5", "-3", "٣"]
)
def test_a_position_that_no_run_has_is_refused_or_the_nearest(cursor: RunCursor, text: str) -> None:
    try:
        found = parse_position(cursor, text)
    except SiaError as error:
        assert len(str(error)) < 300
    else:
        assert found is None or 1 <= found <= cursor.head
