"""Moving in time from the main screen: event by event, generation by generation, at a pace, or at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sia_tui.app.navigator import availability as whither

if TYPE_CHECKING:
    from sia_tui.app.screens.main import MainScreen


def step(main: MainScreen, by: int) -> None:
    """By events."""
    if main.watching is not None:
        main.watching.playing = False
        main.go_to(max(1, main.watching.n + by))


def step_generation(main: MainScreen, by: int) -> None:
    """By generations."""
    if main.watching is not None:
        main.watching.step_generation(by)
        main.go_to(main.watching.until)


def replay(main: MainScreen) -> None:
    """Plays, or pauses."""
    if main.watching is not None:
        main.watching.play()
        main.timeline.follow = True
        main.refresh_run()
        main.refresh_lineage()


def speed(main: MainScreen, by: int) -> None:
    """Faster or slower."""
    if main.watching is not None:
        main.watching.faster(by)
        main.notify(f"replay at {main.watching.speed:g} times the recorded speed", timeout=2)
        main.refresh_bars()


def tail(main: MainScreen) -> None:
    """To the newest event, and follow."""
    main.go_to(None)


def hold(main: MainScreen) -> None:
    """Holds the view still at this event; again, it follows."""
    if main.watching is None:
        return
    if main.watching.until is None:
        main.watching.hold()
        main.refresh_run()
    else:
        main.go_to(None)


def go(main: MainScreen) -> None:
    """Asks where to."""
    main.run_worker(_ask(main))


async def _ask(main: MainScreen) -> None:
    from sia_tui.app.screens.questions import Prompt

    watching = main.watching
    if watching is None:
        return
    hint = f"an event up to {watching.outline.head:,}, g3 for a generation, 14:03:20, or +90s after the start"
    said = await main.app.push_screen_wait(Prompt("go to", hint, check=lambda text: whither.find(watching, text)))
    if said is not None and main.watching is watching:
        main.leave()
        main.go_to(whither.find(watching, said))
