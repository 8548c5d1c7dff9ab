"""The three panes: lineage, timeline, inspector. Each is a list with its own way of filling it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from textual.message import Message

from sia_tui.app import pages
from sia_tui.app.model.event_filter import Filter
from sia_tui.app.model.event_search import Search
from sia_tui.app.model.snapshot import Moment
from sia_tui.app.navigator.run_cursor import Watching
from sia_tui.app.rows.row import Page, Row, Target, row
from sia_tui.app.rows.timeline import FilteredRows, TimelineRows
from sia_tui.app.widgets.lines import Lines

SOON_S = 0.1


class LineagePane(Lines):
    """The graph of runs; the cursor keeps to what it is on when rows come and go."""

    def fill(self, rows: Sequence[Row]) -> None:
        """Shows `rows`, the cursor still on the same run or generation."""
        now = self.current
        at = next((i for i, one in enumerate(rows) if now and now.target and one.target == now.target), None)
        self.show(rows, cursor=at if at is not None else self.cursor)

    def put_on(self, target: Target) -> bool:
        """Moves the cursor to the row of `target`, if there is one."""
        for index, one in enumerate(self.rows):
            if one.target == target:
                self.action_go_to(index)
                return True
        return False


class TimelinePane(Lines):
    """Events of the run, or of one generation, up to the event that is seen."""

    can_follow = True

    def __init__(self, **rest: Any) -> None:
        super().__init__(**rest)
        self.follow = True
        self.generation: int | None = None
        self.filter: Filter | None = None
        self.folded: set[int] = set()
        self.search: Search | None = None

    def fill(self, watching: Watching, *, grown: bool = False) -> None:
        """Shows what is there at the watched event; `grown` says that nothing but the end is new."""
        moment, show = watching.moment, self.grow if grown else self.show
        if self.search is not None:
            self.search.extend(watching)
            show(FilteredRows(moment, watching.pages, self.search.shown(moment.n)))
        else:
            phases = moment.phases(self.generation)
            show(TimelineRows(moment, watching.pages, phases, self.folded))

    def restrict(self, watching: Watching, wanted: Filter | None) -> None:
        """Shows only what passes; None shows everything again."""
        here = self.event
        if self.search is not None:
            self.search.cancel()
        self.filter = wanted
        self.search = Search(self, watching, wanted) if wanted else None
        self.follow = watching.until is None and here in (None, watching.n)
        self.cursor = 0
        self.fill(watching)
        if here is not None and wanted is None:
            self.put_on(here)

    @property
    def event(self) -> int | None:
        """The number of the event under the cursor."""
        now = self.current
        return int(now.target.first) if now and now.target and now.target.kind == "event" else None

    def put_on(self, n: int) -> None:
        """Moves the cursor to event `n`."""
        if isinstance(self.rows, TimelineRows | FilteredRows):
            follow = self.follow
            self.action_go_to(self.rows.index_of(n))
            self.follow = follow

    def fold(self, watching: Watching, first: int) -> None:
        """Folds or unfolds the phase that begins with event `first`."""
        self.folded ^= {first}
        self.fill(watching)
        self.put_on(first - 1 if first in self.folded else first)


class InspectorPane(Lines):
    """Pages, one on top of the other."""

    class Built(Message):
        """A slow page is done."""

        def __init__(self, target: Target, n: int, page: Page) -> None:
            super().__init__()
            self.target = target
            self.n = n
            self.page = page

    def __init__(self, **rest: Any) -> None:
        super().__init__(**rest)
        self.stack: list[tuple[Target, int]] = []
        self.title = ""
        self._shown: tuple[Target, int, int] | None = None
        self._begun_at = -1
        self._watching: Watching | None = None

    @property
    def target(self) -> Target | None:
        """What the page on top is about."""
        return self.stack[-1][0] if self.stack else None

    def put(self, target: Target) -> None:
        """A single page, in place of all that was there."""
        if self.target != target or len(self.stack) > 1:
            self.stack = [(target, -1)]
            self._shown = None

    def push(self, target: Target) -> None:
        """A page on top of the one that is there, whose place is kept."""
        if self.target == target:
            return
        if self.stack:
            self.stack[-1] = (self.stack[-1][0], self.cursor)
        self.stack.append((target, -1))
        self._shown = None

    def pop(self) -> bool:
        """Back to the page below; whether there was one."""
        if len(self.stack) < 2:
            return False
        self.stack.pop()
        self._shown = None
        return True

    def fill(self, watching: Watching, *, force: bool = False) -> None:
        """Builds the page on top for the watched event; a slow one beside the screen."""
        self._watching = watching
        if self.target is None or not self.size.width:
            return
        wanted = (self.target, watching.n, self.size.width)
        if wanted == self._shown and not force:
            return
        fresh = self._shown is None or self._shown[0] != self.target
        self._shown = wanted
        if self.target.kind not in pages.SLOW:
            self._take(built(watching.moment, self.target, self._room))
            return
        if fresh:
            self._take(Page(self.target.kind, [row(("reading ...", "dim"))]))
        self.run_worker(
            lambda: self._build(watching, *wanted), thread=True, exclusive=True, group="page", exit_on_error=False
        )

    def on_resize(self) -> None:
        """Folds the page to the new width."""
        super().on_resize()
        self.set_timer(SOON_S, self._refill)  # the lists are there first, and take keys

    def _refill(self) -> None:
        if self._watching is not None:
            self.fill(self._watching)

    @property
    def _room(self) -> int:
        return max(20, self.size.width - 1)

    def _build(self, watching: Watching, target: Target, n: int, width: int) -> None:
        from engine.queries.snapshot import Outline

        reader = watching.source.another_reader()
        try:
            page = built(Moment(reader, Outline(reader, watching.run), n), target, max(20, width - 1))
        finally:
            if reader is not watching.source.reader:
                reader.close()
        self.post_message(self.Built(target, n, page))

    def on_inspector_pane_built(self, message: Built) -> None:
        """Shows a slow page, unless another one is wanted by now."""
        if self._shown is not None and self._shown[:2] == (message.target, message.n):
            self._take(message.page)

    def _take(self, page: Page) -> None:
        kept = self.stack[-1][1] if self.stack else -1
        if kept < 0 or (self.title == page.title and self.cursor == self._begun_at):
            self.show(page.rows, cursor=page.cursor)  # nobody has moved yet: reading begins where the page says
            self.scroll_to(y=max(0, page.cursor - 2), animate=False)
            self._begun_at = self.cursor
        else:
            self.show(page.rows, cursor=None if self.title == page.title else kept)
        self.title = page.title
        if self.stack:
            self.stack[-1] = (self.stack[-1][0], self.cursor)


def built(moment: Moment, target: Target, width: int) -> Page:
    """A page; what cannot be read is a page that says so, since a screen must not fall over a damaged log."""
    from engine.errors import SiaError
    from sia_tui.app.rows.row import prose

    try:
        return pages.build(moment, target, width)
    except SiaError as error:
        return Page(target.kind, prose(str(error), width, "warn"))
