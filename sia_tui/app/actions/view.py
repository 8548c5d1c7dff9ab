"""Looking at something from the main screen: pages, differences, comparisons, a filter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.events import types as t
from sia_tui.app.model.event_filter import EXAMPLES, parse
from sia_tui.app.navigator import availability as whither
from sia_tui.app.rows import lineage
from sia_tui.app.rows.row import Target

if TYPE_CHECKING:
    from sia_tui.app.screens.main import MainScreen


def page(main: MainScreen, kind: str) -> None:
    """A page about the run."""
    main.open(Target(kind))


def verdict(main: MainScreen) -> None:
    """What the gate said."""
    main.open(Target("verdict", main.generation_here or 1))


def analysis(main: MainScreen) -> None:
    """What the agent said after this generation."""
    main.open(Target("analysis", main.generation_here or 1))


def cases(main: MainScreen) -> None:
    """What was measured of each case."""
    main.open(Target("cases", main.generation_here or 1))


def files(main: MainScreen) -> None:
    """The harness, file by file."""
    main.open(Target("harness", main.generation_here or 1))


def diff(main: MainScreen) -> None:
    """Against the marked generation of this run, else against the parent."""
    if main.watching is None:
        return
    n = main.generation_here or 1
    marked = [lineage.knot_of(mark) for mark in main.marks if mark.kind == "knot"]
    others = [other for run, other in marked if run == main.watching.run and other != n]
    against = others[-1] if others else main.watching.moment.parent(n)
    main.open(Target("diff", against, n) if against else Target("harness", n))


def bisect(main: MainScreen) -> None:
    """Which candidate did it."""
    if (instance := main.instance_here) is not None:
        main.open(Target("bisect", instance))


def mark(main: MainScreen) -> None:
    """Marks the run or the generation, or takes the mark away; the last two marks are kept."""
    if (target := whither.here(main)) is not None:
        kept = [one for one in main.marks if one != target]
        main.marks = kept if target in main.marks else [*kept, target][-2:]
        main.refresh_lineage()
        main.refresh_bindings()


def compare(main: MainScreen) -> None:
    """The two marked, or the marked one and this one."""
    if (target := whither.comparison(main)) is not None:
        main.open(target)


def filter(main: MainScreen) -> None:
    """Asks for a filter."""
    main.run_worker(_ask_filter(main))


async def _ask_filter(main: MainScreen) -> None:
    from sia_tui.app.screens.questions import Prompt

    watching = main.watching
    if watching is None:
        return
    before = main.timeline.filter.text if main.timeline.filter else ""
    verdicts = [event for event in watching.outline.milestones if event.type == t.GateDecided.type]
    said = await main.app.push_screen_wait(Prompt("/", EXAMPLES, before, check=lambda text: parse(text, verdicts)))
    if said is not None and main.watching is watching:
        main.timeline.restrict(watching, parse(said, verdicts) if said.strip() else None)
        main.look_at(1)


def fold(main: MainScreen) -> None:
    """The phase under the cursor, or that of the event under it."""
    now = main.timeline.current
    if main.watching is None or main.timeline.search is not None or now is None or now.target is None:
        return
    phases = main.watching.moment.phases(main.timeline.generation)
    first = next((phase.first for phase in reversed(phases) if phase.first <= int(now.target.first)), None)
    if first is not None:
        main.timeline.fold(main.watching, first)


def copy(main: MainScreen) -> None:
    """Copies what is under the cursor."""
    if (now := main.focused_pane.current) is not None:
        text = now.copy or now.text
        main.app.copy_to_clipboard(text)
        main.notify(f"copied {len(text):,} characters", timeout=2)
