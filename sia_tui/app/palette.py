"""The command palette: actions, generations, commits and runs by name."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import NamedTuple, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider

from sia_tui.app.actions.places import select_generation, select_row
from sia_tui.app.keys import MAIN, NAMED, Key
from sia_tui.app.rows.lineage_graph import run_target
from sia_tui.app.rows.row import Target
from sia_tui.app.rows.text import escape_markup
from sia_tui.app.screens.main import MainScreen

_HELP_SCORE = 0.01
"""Below any match in a name."""


class Entry(NamedTuple):
    """An entry: its name, what it does, and the call that does it."""

    name: str
    help: str
    perform: Callable[[], Awaitable[None] | None]


class Everything(Provider):
    """The entries of the main screen."""

    async def discover(self) -> Hits:
        """All entries, before anything is typed."""
        for entry in self.entries():
            yield DiscoveryHit(entry.name, cast("Callable[[], None]", entry.perform), help=entry.help)

    async def search(self, query: str) -> Hits:
        """The entries whose name matches `query`, and those whose help has all of its words."""
        matcher, words = self.matcher(query), query.casefold().split()
        for entry in self.entries():
            told = _HELP_SCORE if all(word in entry.help.casefold() for word in words) else 0.0
            if score := max(matcher.match(entry.name), told):
                perform = cast("Callable[[], None]", entry.perform)
                yield Hit(score, matcher.highlight(entry.name), perform, help=entry.help)

    def entries(self) -> Iterator[Entry]:
        """All entries; where another screen is shown, what does not need the main screen."""
        if isinstance(self.screen, MainScreen):
            yield from _of_main(self.screen)
        yield Entry("Theme", "choose the colours; the choice is kept", self.app.search_themes)
        yield Entry("Screenshot", "save a picture of the screen as SVG", self.app.action_screenshot)


def _of_main(main: MainScreen) -> Iterator[Entry]:
    for key in (*MAIN, *NAMED):
        reason = main.unavailable(key.id)
        help_text = f"{key.help} ({main.keymap.label(key)})".removesuffix(" ()")
        why_not = f"not now: {reason}; " if reason else ""
        yield Entry(key.label, f"{why_not}{help_text}", partial(_perform, main, key, reason))
    cursor = main.navigator.cursor
    if cursor is not None:
        state = cursor.snapshot.state
        for one in state.generations:
            yield Entry(f"generation {one.n}", "select it", partial(select_generation, main, one.n))
        for number, version in state.versions.items():
            help_text = f"harness {number}: {escape_markup(version.changed)}"
            show = partial(main.show_page, Target("harness", number))
            yield Entry(f"commit {version.commit[:12]}", help_text, show)
    for source in main.navigator.sources:
        for run in source.reader.runs():
            select = partial(select_row, main, run_target(source.label, run.run))
            yield Entry(f"run {escape_markup(run.name)}", f"{source.label}, {run.domain}, {run.status}", select)


async def _perform(main: MainScreen, key: Key, reason: str) -> None:
    if reason:
        main.notify(reason, severity="warning")
    else:
        await main.run_action(key.action)
