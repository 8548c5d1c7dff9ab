"""A search through the events of a run, in pieces beside the screen: matches are there as they are found."""

from __future__ import annotations

import bisect
import threading
from array import array
from typing import TYPE_CHECKING

from textual.message import Message

from sia_tui.app.model.event_filter import Filter

if TYPE_CHECKING:
    from textual.widget import Widget

    from sia_tui.app.navigator.run_cursor import Watching

PIECE = 20_000


class Search:
    """Finds the events that pass `wanted`. What is appended later is searched when `extend` is called."""

    class Found(Message):
        """There are more matches, or the search has come to its end."""

    def __init__(self, widget: Widget, watching: Watching, wanted: Filter) -> None:
        self.wanted = wanted
        self.matches = array("q")
        self.searched = 0
        self._widget = widget
        self._head = watching.outline.head
        self._cancelled = threading.Event()
        self._lock = threading.Lock()
        self._running = False
        self._start(watching)

    @property
    def done(self) -> bool:
        """Whether everything that is known to be there has been looked at."""
        return self.searched >= self._head

    @property
    def share(self) -> float:
        """How far it has come, from 0 to 1."""
        return min(1.0, self.searched / self._head) if self._head else 1.0

    def shown(self, until: int) -> array[int]:
        """The matches so far, up to event `until`."""
        with self._lock:
            end = bisect.bisect_right(self.matches, until)
            return self.matches if end == len(self.matches) else self.matches[:end]

    def extend(self, watching: Watching) -> None:
        """Goes on with what was appended meanwhile."""
        if watching.outline.head > self._head:
            self._head = watching.outline.head
            self._start(watching)

    def cancel(self) -> None:
        """Nobody is interested any more."""
        self._cancelled.set()

    def _start(self, watching: Watching) -> None:
        if not self._running:
            self._running = True
            self._widget.run_worker(lambda: self._search(watching), thread=True, group="search", exit_on_error=False)

    def _search(self, watching: Watching) -> None:
        reader = watching.source.another_reader()
        try:
            while not self.done and not self._cancelled.is_set():
                until = min(self.searched + PIECE, self._head)
                found = reader.matching(
                    watching.run, self.wanted.condition, self.wanted.parameters, after=self.searched, until=until
                )
                with self._lock:
                    self.matches.extend(found)
                    self.searched = until
                self._widget.post_message(self.Found())
        finally:
            self._running = False
            if reader is not watching.source.reader:
                reader.close()
