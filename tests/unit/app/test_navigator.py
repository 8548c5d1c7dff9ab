"""The navigator, without a screen: what is selected, what actions are about, marks, and the way back."""

from __future__ import annotations

import pytest

from engine.events import types as t
from sia_tui.app.navigator.breadcrumbs import breadcrumbs
from sia_tui.app.navigator.navigator import Focus, Navigator
from sia_tui.app.navigator.page_stack import PageStack
from sia_tui.app.navigator.place import Pane
from sia_tui.app.navigator.run_cursor import RunCursor
from sia_tui.app.rows.lineage_graph import node_target, run_target
from sia_tui.app.rows.row import Target
from tests.unit.app.conftest import Screen


def cursor_of(navigator: Navigator) -> RunCursor:
    assert navigator.cursor is not None
    return navigator.cursor


def first(cursor: RunCursor, event_type: str, generation: int) -> int:
    return next(e.n for e in cursor.outline.milestones if (e.type, e.generation) == (event_type, generation))


def select(navigator: Navigator, generation: int | None) -> None:
    cursor = cursor_of(navigator)
    navigator.select_run(cursor.source, cursor.run_id, generation)


def test_actions_are_about_the_selected_generation_else_the_one_of_the_event_else_the_last(
    navigator: Navigator, screen: Screen
) -> None:
    assert navigator.current_generation == 3
    navigator.pane = Pane.TIMELINE
    screen.focus = Focus(event=first(cursor_of(navigator), t.GenerationStarted.type, 2))
    assert navigator.current_generation == 2
    assert navigator.current_event == screen.focus.event
    select(navigator, 1)
    assert navigator.current_generation == 1
    navigator.pane = Pane.LINEAGE
    assert navigator.current_event == cursor_of(navigator).head


def test_an_instance_is_found_under_the_cursor_in_an_event_and_on_the_page(
    navigator: Navigator, screen: Screen
) -> None:
    assert navigator.current_instance is None
    cursor = cursor_of(navigator)
    result = next(e for e in cursor.source.reader.history(cursor.run_id) if e.type == t.InstanceFinished.type)
    screen.focus = Focus(Target("event", result.n))
    assert navigator.current_instance == result.payload.instance  # type: ignore[attr-defined]
    screen.focus = Focus(Target("instance", "val-3"))
    assert navigator.current_instance == "val-3"
    screen.focus = Focus(Target("event", 1))
    navigator.pages.push(Target("bisect", "val-5"))
    assert navigator.current_instance == "val-5"


def test_a_run_keeps_its_event_while_another_is_selected(navigator: Navigator) -> None:
    cursor_of(navigator).go_to(5)
    source = cursor_of(navigator).source
    assert not navigator.select_run(source, "r1", 2)
    assert cursor_of(navigator).n == 5
    assert navigator.pages.targets == (Target("generation", 2),)


def test_the_page_of_another_run_is_another_page(navigator: Navigator) -> None:
    before = navigator.pages.top
    navigator.select_run(cursor_of(navigator).source, "r1")
    assert navigator.pages.top is before
    navigator._cursors.clear()
    assert navigator.select_run(cursor_of(navigator).source, "r1")
    assert navigator.pages.targets == (Target("run"),)
    assert navigator.pages.top is not before


@pytest.mark.parametrize(("reference", "found"), [(None, True), ("r1", True), ("toy-1", True), ("other", False)])
def test_the_first_run_is_the_one_that_is_named(navigator: Navigator, reference: str | None, found: bool) -> None:
    assert (navigator.default_run(reference) is not None) == found


def test_two_marks_are_kept_and_a_second_press_removes_one(navigator: Navigator) -> None:
    label = cursor_of(navigator).source.label
    for n in (1, 2, 3):
        select(navigator, n)
        navigator.toggle_mark()
    assert navigator.marks == [node_target(label, "r1", 2), node_target(label, "r1", 3)]
    navigator.toggle_mark()
    assert navigator.marks == [node_target(label, "r1", 2)]


def test_marks_compare_like_with_like(navigator: Navigator) -> None:
    select(navigator, 2)
    assert navigator.comparison() is None
    navigator.toggle_mark()
    assert navigator.comparison() is None, "a generation is not compared with itself"
    select(navigator, 1)
    assert navigator.comparison() == Target("compare", 1, 2)
    select(navigator, None)
    assert navigator.comparison() is None, "a run is not compared with a generation"
    navigator.marks = [run_target(cursor_of(navigator).source.label, "r2")]
    assert navigator.comparison() == Target("compare", "r2", "r1")
    navigator.marks = [run_target("another log", "r2")]
    assert navigator.comparison() is None


def test_a_difference_is_to_the_parent_unless_another_generation_is_marked(navigator: Navigator) -> None:
    select(navigator, 1)
    assert navigator.difference() == Target("harness", 1), "the first candidate has no parent"
    navigator.toggle_mark()
    select(navigator, 3)
    assert navigator.difference() == Target("diff", 1, 3)
    navigator.marks = []
    assert navigator.difference() == Target("diff", 2, 3)


def test_back_and_forward_restore_run_event_pane_and_pages(navigator: Navigator) -> None:
    select(navigator, 2)
    navigator.record_place()
    start = navigator.place
    navigator.pages.push(Target("verdict", 2))
    navigator.pane = Pane.INSPECTOR
    cursor_of(navigator).go_to(4)
    there = navigator.place
    assert navigator.move_along_trail(-1) == start
    navigator.restore(start)
    assert (navigator.pages.targets, cursor_of(navigator).until) == ((Target("generation", 2),), None)
    assert navigator.move_along_trail(-1) is None
    assert navigator.move_along_trail(1) == there
    navigator.restore(there)
    assert (navigator.pages.targets, cursor_of(navigator).until) == (there.pages, 4)
    assert navigator.move_along_trail(1) is None


def test_a_new_place_drops_the_places_ahead(navigator: Navigator) -> None:
    navigator.record_place()
    select(navigator, 1)
    place = navigator.move_along_trail(-1)
    assert place is not None
    navigator.restore(place)
    navigator.record_place()
    select(navigator, 2)
    assert navigator.move_along_trail(1) is None


def test_the_path_names_log_run_generation_and_pages(navigator: Navigator) -> None:
    label = cursor_of(navigator).source.label
    assert breadcrumbs(navigator) == [label, "toy-1"]
    navigator.pane = Pane.TIMELINE
    assert breadcrumbs(navigator) == [label, "toy-1", "timeline"]
    select(navigator, 2)
    navigator.pane = Pane.INSPECTOR
    navigator.pages.push(Target("diff", 1, 2))
    assert breadcrumbs(navigator) == [label, "toy-1", "generation 2", "diff 1-2"]


def test_pages_are_stacked_and_the_last_one_stays() -> None:
    pages = PageStack()
    pages.replace(Target("run"))
    top = pages.top
    pages.replace(Target("run"))
    assert pages.top is top, "an equal page keeps the row that its reader is at"
    pages.push(Target("run"))
    assert pages.targets == (Target("run"),)
    pages.push(Target("cost"))
    assert pages.targets == (Target("run"), Target("cost"))
    assert pages.pop()
    assert pages.top is top
    assert not pages.pop()


def test_an_appended_event_is_read_and_a_held_cursor_stays(navigator: Navigator) -> None:
    from contextlib import closing

    from engine.events.log import RunLog

    cursor = cursor_of(navigator)
    navigator.tick(0.1)
    head = cursor.head
    with closing(RunLog.hold(navigator.sources.workspace.path, "r1")) as log:
        log.append([(3, t.RunNoted("a note"))])
        assert navigator.tick(0.1).appended
        assert cursor.n == head + 1
        assert not navigator.tick(0.1).appended
        cursor.hold()
        log.append([(3, t.RunNoted("another"))])
        assert not navigator.tick(0.1).appended
    assert (cursor.n, cursor.head) == (head + 1, head + 2)
