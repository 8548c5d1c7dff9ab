"""A search for the events of a run that pass a filter: in chunks, on another thread, with matches as they are found.

The owner starts `run` on a thread when the search is made, and again whenever `extend` says so.
"""

from __future__ import annotations

import bisect
import threading
from array import array
from collections.abc import Callable

from sia_tui.app.model.contents import Contents
from sia_tui.app.model.event_filter import EventFilter
from sia_tui.app.model.sources import Source

CHUNK = 20_000
"""Events that are searched before matches are reported."""
CONTENTS_CHUNK = 500
"""Likewise where logs, prompts and replies are searched, too: each is read, and unpacked."""


class EventSearch:
    """The numbers of the events, up to `head`, that pass `event_filter`."""

    def __init__(self, source: Source, run_id: str, event_filter: EventFilter, head: int) -> None:
        self.filter = event_filter
        self._source, self._run_id, self._head = source, run_id, head
        self._matches = array("q")
        self._searched = 0
        self._running = True
        self._cancelled = threading.Event()
        self._lock = threading.Lock()

    @property
    def done(self) -> bool:
        """Whether all events up to the head have been searched."""
        return self._searched >= self._head

    @property
    def progress(self) -> float:
        """The share of events that have been searched, from 0 to 1."""
        return min(1.0, self._searched / self._head) if self._head else 1.0

    def matches(self, until: int) -> array[int]:
        """The matches so far, up to event `until`."""
        with self._lock:
            end = bisect.bisect_right(self._matches, until)
            return self._matches if end == len(self._matches) else self._matches[:end]

    def extend(self, head: int) -> bool:
        """Includes the events up to `head`; true if `run` has ended and must be started again for them."""
        with self._lock:
            self._head = max(self._head, head)
            restart = not self._running and not self.done
            self._running = self._running or restart
            return restart

    def cancel(self) -> None:
        """Ends `run` after the chunk that it is at."""
        self._cancelled.set()

    def run(self, report: Callable[[], object]) -> None:
        """Searches until the head is reached; calls `report` after each chunk."""
        reader = self._source.new_reader()
        contents = Contents(reader, [content.text for content in self.filter.contents])
        try:
            while self._continues():
                until = min(self._searched + (CONTENTS_CHUNK if self.filter.contents else CHUNK), self._head)
                found = contents.matching(self._run_id, self.filter, after=self._searched, until=until)
                with self._lock:
                    self._matches.extend(found)
                    self._searched = until
                report()
        except BaseException:
            self._running = False
            raise
        finally:
            if reader is not self._source.reader:
                reader.close()

    def _continues(self) -> bool:
        with self._lock:
            self._running = not self.done and not self._cancelled.is_set()
            return self._running
