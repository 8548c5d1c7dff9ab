"""Events by number, read from SQLite a page at a time. An event never changes, so a page that is read stays valid."""

from __future__ import annotations

from collections import OrderedDict

from engine.events.event import Event
from sia_tui.app.model.snapshot import RunSnapshot

PAGE = 64
PAGES = 64


class EventCache:
    """The pages of one run that were used last, at most `PAGES` of `PAGE` events."""

    def __init__(self) -> None:
        self._pages: OrderedDict[int, list[Event]] = OrderedDict()

    def get(self, snapshot: RunSnapshot, n: int) -> Event | None:
        """Event `n` of the run's history; None if there is none."""
        number, index = divmod(n - 1, PAGE)
        page = self._pages.get(number, [])
        if index >= len(page):  # not read yet, or read when the log was shorter
            start = number * PAGE
            until = min(start + PAGE, snapshot.outline.head)
            page = self._pages[number] = list(snapshot.reader.history(snapshot.run_id, after=start, until=until))
            while len(self._pages) > PAGES:
                self._pages.popitem(last=False)
        self._pages.move_to_end(number)
        return page[index] if index < len(page) else None
