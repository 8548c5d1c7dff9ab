"""Everything by name: what the keys do, runs, generations, commits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider

from sia_tui.app import keys
from sia_tui.app.actions import places as moving
from sia_tui.app.rows.row import Target
from sia_tui.app.widgets.lines import escaped

if TYPE_CHECKING:
    from sia_tui.app.screens.main import MainScreen


class Everything(Provider):
    """The provider of the command palette."""

    def _all(self) -> Iterator[tuple[str, str, Callable[[], object]]]:
        from sia_tui.app.screens.main import MainScreen

        main = self.screen
        if not isinstance(main, MainScreen):
            return
        for key in keys.MAIN:
            why = main.why_not(key.action)
            text = f"{key.what or key.text} ({main.sia.key_of(key)})"
            yield key.text, f"not now: {why}" if why else text, partial(self._do, main, key.action, why)
        watching = main.watching
        if watching is not None:
            for one in watching.moment.state.generations:
                yield f"generation {one.n}", "select it", partial(moving.generation, main, one.n)
            for number, version in watching.moment.state.versions.items():
                yield (f"commit {version.commit[:12]}", f"harness {number}: {escaped(version.changed)}",
                       partial(main.open, Target("harness", number)))  # fmt: skip
        for source in main.sia.sources.values():
            for run in source.reader.runs():
                to = partial(self._watch, main, source.label, run.run)
                yield f"run {escaped(run.name)}", f"{source.label}, {run.domain}, {run.status}", to

    @staticmethod
    def _watch(main: MainScreen, label: str, run: str) -> None:
        main.leave()
        main.lineage.put_on(Target("run", run, label))
        main.select(Target("run", run, label))

    async def _do(self, main: MainScreen, action: str, why: str) -> None:
        if why:
            main.notify(why, severity="warning")
        else:
            await main.run_action(action)

    async def discover(self) -> Hits:
        """What is offered before anything is typed."""
        for name, text, do in self._all():
            yield DiscoveryHit(name, cast("Callable[[], None]", do), help=text)

    async def search(self, query: str) -> Hits:
        """What fits the words that were typed."""
        matcher = self.matcher(query)
        for name, text, do in self._all():
            score = max(matcher.match(name), matcher.match(text) * 0.8)
            if score > 0:
                yield Hit(score, matcher.highlight(name), cast("Callable[[], None]", do), help=text)
