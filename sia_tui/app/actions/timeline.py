"""Moving in time: by events, by generations, to a position, or in a replay; folding and filtering the timeline."""

from __future__ import annotations

from engine.events import types as t
from sia_tui.app.model.event_filter import EXAMPLES, parse_filter
from sia_tui.app.navigator.place import Pane
from sia_tui.app.navigator.position import parse_position
from sia_tui.app.screens.main import MainScreen
from sia_tui.cli.formats import plural


def step(main: MainScreen, by: int) -> None:
    """Moves by events."""
    if main.navigator.cursor is not None:
        main.navigator.cursor.step(by)
        main.refresh_time()


def step_generation(main: MainScreen, by: int) -> None:
    """Moves by generations."""
    if main.navigator.cursor is not None:
        main.navigator.cursor.step_generation(by)
        main.refresh_time()


def follow(main: MainScreen) -> None:
    """Moves to the newest event, and follows the run."""
    main.go_to(None)


def toggle_hold(main: MainScreen) -> None:
    """Pauses the view at this event; where it is paused, follows the run again."""
    cursor = main.navigator.cursor
    if cursor is None:
        return
    if cursor.at_head:
        cursor.hold()
        main.refresh_run()
    else:
        main.go_to(None)


def toggle_replay(main: MainScreen) -> None:
    """Starts or pauses the replay."""
    if main.navigator.cursor is not None:
        main.navigator.cursor.toggle_replay()
        main.refresh_time()


def change_speed(main: MainScreen, by: int) -> None:
    """Makes the replay faster or slower."""
    if main.navigator.cursor is not None:
        main.navigator.cursor.change_speed(by)
        main.notify(f"Replay {plural(main.navigator.cursor.speed, 'time')} as fast as recorded", timeout=2)
        main.refresh_bars()


async def go_to(main: MainScreen) -> None:
    """Asks for a position, and moves there."""
    from sia_tui.app.screens.dialogs import Prompt

    cursor = main.navigator.cursor
    if cursor is None:
        return
    hint = f"an event up to {cursor.head:,}, g3 for a generation, 14:03:20, or +90s after the start"
    answer = await main.app.push_screen_wait(Prompt("go to", hint, check=lambda text: parse_position(cursor, text)))
    if answer is not None and main.navigator.cursor is cursor:
        main.navigator.record_place()
        main.go_to(parse_position(cursor, answer))


async def filter_or_search(main: MainScreen) -> None:
    """Asks for a filter of the timeline; in the inspector for what to search the page for."""
    await (search_page(main) if main.navigator.pane == Pane.INSPECTOR else filter_events(main))


async def search_page(main: MainScreen) -> None:
    """Asks for a text, and goes to where the page contains it."""
    from sia_tui.app.screens.dialogs import Prompt

    page = main.navigator.pages.top
    hint = "a text, in any case; then n and N go to the next match and the one before, esc ends the search"
    answer = await main.app.push_screen_wait(Prompt("search this page", hint, page.sought if page else ""))
    if answer is not None and page is main.navigator.pages.top:
        main.inspector.search(answer.strip())
        main.refresh_bars()


async def filter_events(main: MainScreen) -> None:
    """Asks for a filter, and applies it to the timeline."""
    from sia_tui.app import filter_history
    from sia_tui.app.screens.dialogs import Prompt

    cursor = main.navigator.cursor
    if cursor is None:
        return
    before = main.timeline.filter.text if main.timeline.filter else ""
    verdicts = [event for event in cursor.outline.milestones if event.type == t.GateDecided.type]
    history = [one for one in filter_history.read() if one != before]
    answer = await main.app.push_screen_wait(
        Prompt("/", EXAMPLES, before, check=lambda text: parse_filter(text, verdicts), history=history)
    )
    if answer and answer.strip():
        filter_history.keep(answer.strip())
    if answer is not None and main.navigator.cursor is cursor:
        main.timeline.set_filter(parse_filter(answer, verdicts) if answer.strip() else None)
        main.show_pane(Pane.TIMELINE)


def toggle_fold(main: MainScreen) -> None:
    """Folds or unfolds the phase under the cursor of the timeline, or that of the event under it."""
    current = main.timeline.current
    if current is not None and current.target is not None:
        main.timeline.toggle_fold(int(current.target.first))
