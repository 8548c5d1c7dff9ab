"""The timeline pane: the events of the selected run or generation, up to the event that is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.message import Message

from sia_tui.app.model.stretches import StretchSums
from sia_tui.app.navigator.navigator import Navigator
from sia_tui.app.navigator.run_cursor import RunCursor
from sia_tui.app.rows.row import row
from sia_tui.app.rows.timeline_rows import FilteredRows, TimelineRows
from sia_tui.app.widgets.lines import Lines
from sia_tui.cli.formats import plural

if TYPE_CHECKING:
    from sia_tui.app.model.event_filter import EventFilter
    from sia_tui.app.model.event_search import EventSearch


class TimelinePane(Lines):
    """Events under the headings of their phases, or those that pass a filter."""

    can_follow = True

    class MatchesFound(Message):
        """The search has found more events, or has ended."""

    def __init__(self, navigator: Navigator) -> None:
        super().__init__()
        self.follow = True
        self._navigator = navigator
        self._folded: set[int] = set()
        self._opened: set[int] = set()
        self._sums = StretchSums()
        self._search: EventSearch | None = None

    @property
    def filter(self) -> EventFilter | None:
        """The filter that is on."""
        return self._search.filter if self._search else None

    @property
    def filter_note(self) -> str:
        """The filter that is on, and what it found."""
        if self._search is None:
            return ""
        progress = "" if self._search.done else f", {self._search.progress:.0%} searched"
        count = len(self.rows) if isinstance(self.rows, FilteredRows) else 0
        return f"/{self._search.filter.text}  {plural(count, 'event')}{progress}"

    def fill(self, *, grown: bool = False) -> None:
        """Draws the events up to the one that is shown; `grown` says that only the end has changed."""
        cursor = self._navigator.cursor
        if cursor is None:
            return
        draw = self.grow if grown else self.show
        if self._search is not None:
            if self._search.extend(cursor.head):
                self._start(self._search)
            found = self._search.matches(cursor.n)
            if found or not self._search.done:
                draw(FilteredRows(cursor.snapshot, cursor.events, found))
            else:
                self.show([row(("no event passes this filter; esc clears it", "warn"))])
        else:
            phases = cursor.snapshot.phases(self._navigator.generation)
            draw(TimelineRows(cursor.snapshot, cursor.events, phases, self._folded, self._opened, self._sums))

    def reset(self) -> None:
        """Unfolds all phases, closes all results and removes the filter: another run is selected."""
        self._folded.clear()
        self._opened.clear()
        self._sums = StretchSums()
        if self._search is not None:
            self.set_filter(None)

    def set_filter(self, event_filter: EventFilter | None) -> None:
        """Shows only the events that pass; None shows all again."""
        cursor = self._navigator.cursor
        if cursor is None:
            return
        event = self.event
        if self._search is not None:
            self._search.cancel()
        self._search = self._new_search(cursor, event_filter) if event_filter else None
        self.follow = cursor.at_head and event in (None, cursor.n)
        self.cursor_row = 0
        self.fill()
        if event is not None and event_filter is None and not self.follow:
            self.select_event(event)

    def _new_search(self, cursor: RunCursor, event_filter: EventFilter) -> EventSearch:
        from sia_tui.app.model.event_search import EventSearch  # the app's first paint does without

        search = EventSearch(cursor.source, cursor.run_id, event_filter, cursor.head)
        self._start(search)
        return search

    def _start(self, search: EventSearch) -> None:
        self.run_worker(
            lambda: search.run(lambda: self.post_message(self.MatchesFound())),
            thread=True, group="search", exit_on_error=False,
        )  # fmt: skip

    @property
    def event(self) -> int | None:
        """The number of the event under the cursor; of results that are one row, the last one's."""
        target = self.current.target if self.current else None
        if target is not None and target.kind == "results":
            return int(target.second)
        return int(target.first) if target and target.kind == "event" else None

    def select_event(self, n: int) -> None:
        """Moves the cursor to the row of event `n`, which is opened where it is hidden."""
        if isinstance(self.rows, TimelineRows) and (hidden := self.rows.hidden_in(n)) is not None:
            self.toggle_results(hidden)
        if isinstance(self.rows, TimelineRows | FilteredRows):
            follow = self.follow
            self.action_go_to(self.rows.index_of(n))
            self.follow = follow

    def toggle_results(self, first: int) -> None:
        """Shows the events of a stretch of results below its row, or that row alone."""
        self._opened ^= {first}
        self.fill()

    def toggle_fold(self, n: int) -> None:
        """Folds or unfolds the phase in which event `n` lies."""
        cursor = self._navigator.cursor
        if cursor is None or self._search is not None:
            return
        phases = cursor.snapshot.phases(self._navigator.generation)
        first = next((phase.first for phase in reversed(phases) if phase.first <= n), None)
        if first is not None:
            self._folded ^= {first}
            self.fill()
            if isinstance(self.rows, TimelineRows):
                self.action_go_to(self.rows.heading_of(first))
