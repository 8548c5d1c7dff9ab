"""Moving among panes, generations, runs and the places where the user has been."""

from __future__ import annotations

from sia_tui.app.model.sources import WORKSPACE
from sia_tui.app.navigator.place import Pane
from sia_tui.app.rows.row import Target
from sia_tui.app.screens.main import MainScreen


def open_row(main: MainScreen) -> None:
    """Opens the row under the cursor of the focused pane."""
    main.panes.focused.action_choose()


def close(main: MainScreen) -> None:
    """Closes the search, the page or the filter; where there is none, moves to the pane on the left."""
    pane = main.navigator.pane
    if pane == Pane.INSPECTOR and main.inspector.sought:
        main.inspector.search("")
        main.refresh_bars()
    elif pane == Pane.INSPECTOR and main.navigator.pages.pop():
        main.inspector.fill()
        main.refresh_bars()
    elif pane == Pane.TIMELINE and main.timeline.filter:
        main.timeline.set_filter(None)
        main.refresh_bars()
    else:
        main.show_pane(pane - 1)


def move_pane(main: MainScreen, by: int) -> None:
    """Moves to a pane beside."""
    main.show_pane(main.navigator.pane + by)


def select_generation(main: MainScreen, n: int) -> None:
    """Selects generation `n` of the selected run."""
    cursor = main.navigator.cursor
    if cursor is None:
        return
    if cursor.last_of_generation(n) is None:
        main.notify(f"This run has no generation {n}", severity="warning")
        return
    main.navigator.record_place()
    main.show_run(cursor.source, cursor.run_id, n)
    main.lineage.select_row(main.navigator.selection)
    main.refresh_bindings()


def select_row(main: MainScreen, row: Target) -> None:
    """Selects a run by its row in the lineage."""
    main.navigator.record_place()
    main.lineage.select_row(row)
    main.show_row(row)


def attach(main: MainScreen, run_id: str) -> None:
    """Selects a run of the workspace, which may have been created just now, at its newest event."""
    main.open_workspace()
    source = main.navigator.sources.get(WORKSPACE)
    if source is None:
        return
    main.navigator.live_runs.poll(main.navigator.sources, force=True)
    main.navigator.record_place()
    main.show_run(source, run_id)
    main.go_to(None)
    main.lineage.select_row(main.navigator.selection)
    main.show_pane(main.navigator.pane if main.panes.narrow else Pane.TIMELINE)


def move_along_trail(main: MainScreen, by: int) -> None:
    """Goes back to the previous place, or forward to the next."""
    place = main.navigator.move_along_trail(by)
    if place is None:
        main.notify("There is no previous place" if by < 0 else "There is no next place")
        return
    main.draw_selection(changed=main.navigator.restore(place))
    main.lineage.select_row(main.navigator.selection)
    main.show_pane(place.pane)
