"""Searching all runs, and going to what was found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.events import types as t
from sia_tui.app.actions.places import select_row
from sia_tui.app.model.event_filter import LOGS, parse_filter
from sia_tui.app.navigator.place import Pane
from sia_tui.app.rows.lineage_graph import run_target
from sia_tui.app.rows.row import Target
from sia_tui.app.screens.main import MainScreen

if TYPE_CHECKING:
    from sia_tui.app.screens.run_search import Found


async def search_runs(main: MainScreen) -> bool:
    """Asks for a text, and goes to the event that was chosen; false where none was."""
    from sia_tui.app.screens.run_search import RunSearch

    screen = RunSearch(list(main.navigator.sources), main.sought_in_runs)
    found: Found | None = await main.app.push_screen_wait(screen)
    main.sought_in_runs = screen.text
    if found is None:
        return False
    select_row(main, run_target(found.label, found.run))
    _go_to(main, found)
    return True


def _go_to(main: MainScreen, found: Found) -> None:
    """Opens the event's page, or that of its log, at the text; without an event filters those of the run."""
    cursor = main.navigator.cursor
    if cursor is None:
        return
    if found.event is None:
        verdicts = [event for event in cursor.outline.milestones if event.type == t.GateDecided.type]
        main.timeline.set_filter(parse_filter(found.text, verdicts))
        main.show_pane(Pane.TIMELINE)
        return
    event, text, field, _ = found.event
    if cursor.n < event.n:
        main.go_to(None)
    main.timeline.select_event(event.n)
    main.show_page(Target("event", event.n), text)
    if field in LOGS:
        main.show_page(Target("blob", getattr(event.payload, field)), text)
