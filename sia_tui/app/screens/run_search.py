"""A search over all runs: results by run while one types, and enter goes to one."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator, Sequence
from typing import ClassVar, NamedTuple

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.timer import Timer
from textual.widgets import Input, Static

from engine.errors import SiaError
from sia_tui.app.model.event_filter import EXAMPLES, parse_filter
from sia_tui.app.model.runs_search import FoundEvent, FoundInRun, search_runs
from sia_tui.app.model.sources import Source
from sia_tui.app.rows.found_event import found_spans
from sia_tui.app.rows.row import Row, heading, row
from sia_tui.app.rows.text import sanitize
from sia_tui.app.widgets.lines import LIST_KEYS, Lines
from sia_tui.cli.formats import plural

MOST = 50
"""Events that are listed of one run; the others are counted."""
REST_S, REPORT_S = 0.25, 0.1
"""A search begins once nothing was typed for so long, and reports what it has found so often."""
_KEYS = "enter goes to the event · esc ends the search"


class Found(NamedTuple):
    """An event of a run of a log, or the run alone where only some of its events are listed."""

    label: str
    run: str
    text: str
    event: FoundEvent | None


class RunSearch(ModalScreen[Found | None]):
    """Searches the runs of `sources` for what is typed, `text` to begin with; returns what was chosen."""

    DEFAULT_CSS = """
    RunSearch { align: center middle; }
    RunSearch Vertical { width: 150; max-width: 100%; height: 96%; border: round $primary; background: $surface; }
    RunSearch Input, RunSearch Input:focus { background: $boost; margin: 0 1; }
    RunSearch Lines { background: $surface; height: 1fr; }
    RunSearch Static { padding: 0 1; height: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "Cancel", priority=True),
        *LIST_KEYS,
    ]

    def __init__(self, sources: Sequence[Source], text: str = "") -> None:
        super().__init__()
        self._sources, self.text = sources, text
        self._lines = Lines()
        self._places: Sequence[Found] = ()
        self._cancelled = threading.Event()
        self._timer: Timer | None = None
        self._current = False  # whether what is shown was found for the text as it is typed
        self._enter = False  # whether enter was pressed before that
        self.searching = False

    def compose(self) -> ComposeResult:
        """The line to type in, what was found, and how far the search is."""
        with Vertical() as box:
            box.border_title = "search all runs"
            yield Input(self.text, placeholder="a text, or terms of the filter", compact=True)
            yield self._lines
            yield Static(id="note")

    def on_mount(self) -> None:
        """Says what can be typed."""
        self._lines.can_focus = False
        self.query_one(Input).focus()
        self._say(EXAMPLES)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Ends the search that is under way, and begins another once the typing rests."""
        self._stop()
        self._current = self._enter = False
        self.text = event.value.strip()
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(REST_S, self._begin) if self.text else None
        self.searching = bool(self.text)
        if not self.text:
            self._show([], [], EXAMPLES)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Returns what the cursor is on; waits for the first that is found for the text, where that is sought yet."""
        event.stop()
        self._enter = True
        self._go()

    def _go(self) -> None:
        if self._current and self._lines.cursor_row < len(self._places):
            self._stop()
            self.dismiss(self._places[self._lines.cursor_row])
        elif not self.searching:
            self._enter = False

    def on_lines_chosen(self, message: Lines.Chosen) -> None:
        """Returns what was clicked."""
        message.stop()
        self._stop()
        self.dismiss(self._places[self._lines.cursor_row])

    def action_cancel(self) -> None:
        """Ends the search that is under way, and keeps what it has found; else leaves."""
        if self.searching:
            self._stop()
            self._enter = False
            self._say(f"the search was ended · {_KEYS}")
        else:
            self.dismiss(None)

    async def action_list(self, action: str) -> None:
        """Moves the cursor of the list while the line has the focus."""
        await self.app.run_action(action, self._lines)

    def on_unmount(self) -> None:
        """Ends the search."""
        self._stop()

    def _stop(self) -> None:
        self._cancelled.set()
        self.searching = False

    def _begin(self) -> None:
        try:
            parse_filter(self.text)
        except SiaError as error:
            self.searching = False
            self._show([], [], str(error), "bold red")
            return
        self._cancelled = cancelled = threading.Event()
        text = self.text
        self.run_worker(lambda: self._search(text, cancelled), thread=True, group="search")

    def _search(self, text: str, cancelled: threading.Event) -> None:
        """Searches one log after the other, and shows what it has found."""
        found: list[tuple[Row, Found]] = []
        events = runs = 0

        def report(note: str, *, ended: bool = False) -> None:
            rows, places = [one for one, _ in found], [place for _, place in found]

            def show() -> None:
                if not cancelled.is_set():
                    self.searching = not ended
                    self._show(rows, places, note)

            if not cancelled.is_set():
                self.app.call_from_thread(show)

        try:
            for source, parts in self._parts(text, cancelled):
                reported, current, kept = time.monotonic(), None, (0, 0)
                for part in parts:
                    if part is not current:
                        current, kept = part, (len(found), events)
                        runs += 1
                    found[kept[0] :] = _group(source.label, part, text)
                    events = kept[1] + part.count
                    if time.monotonic() - reported >= REPORT_S:
                        reported = time.monotonic()
                        report(f"{plural(events, 'event')} so far, in {plural(runs, 'run')} · esc ends the search")
        except SiaError as error:  # a log is damaged
            report(str(error), ended=True)
            return
        all_runs = plural(runs, "run")
        said = f"{plural(events, 'event')} in {all_runs} · {_KEYS}" if events else f"no event of {all_runs} passes"
        report(said, ended=True)

    def _parts(self, text: str, cancelled: threading.Event) -> Iterator[tuple[Source, Iterator[FoundInRun]]]:
        """Each log with the search of its runs, for another thread."""
        for source in self._sources:
            with contextlib.ExitStack() as closing:
                reader = source.new_reader()
                if not source.sealed:  # the reader of a sealed file is shared
                    closing.callback(reader.close)
                yield source, search_runs(reader, reader.runs()[::-1], text, MOST, cancelled=cancelled.is_set)

    def _show(self, rows: Sequence[Row], places: Sequence[Found], note: str, style: str = "dim") -> None:
        first = not (self._current and self._places)
        self._places, self._current = places, True
        self._lines.show(rows, cursor_row=1 if first else None)
        self._say(note, style)
        if self._enter:
            self._go()

    def _say(self, note: str, style: str = "dim") -> None:
        self.query_one("#note", Static).update(Text(sanitize(note), style=style))


def _group(label: str, found: FoundInRun, text: str) -> list[tuple[Row, Found]]:
    """The rows of a run, each with what it opens; none where nothing was found."""
    if not found.count:
        return []
    run = found.run
    rest = Found(label, run.run, text, None)
    events = [(row(*found_spans(one)), Found(label, run.run, text, one)) for one in found.events]
    more = [(row((f"        and {found.more:,} more; enter filters the run", "dim")), rest)] if found.more else []
    title = heading(run.name, f"{run.domain} · {plural(found.count, 'event')}")
    return [(title, Found(label, run.run, text, found.events[0])), *events, *more]
