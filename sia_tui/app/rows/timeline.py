"""The events of a run as rows: under headings that can be folded away, or only those that pass a filter.

The sequence is lazy. A million events are a few phases, and a row is read from SQLite when it comes into sight.
"""

from __future__ import annotations

import bisect
from collections import OrderedDict
from collections.abc import Collection, Sequence
from itertools import accumulate
from typing import overload

from engine.events.event import Event
from sia_tui.app.model.snapshot import Moment, Phase
from sia_tui.app.rows.event_line import describe
from sia_tui.app.rows.row import BLANK, Row, Target

PAGE = 64
PAGES = 64


class EventPages:
    """Events by number, read a page at a time; the pages used last are kept. An event never changes."""

    def __init__(self) -> None:
        self._pages: OrderedDict[int, list[Event]] = OrderedDict()

    def get(self, moment: Moment, n: int) -> Event | None:
        """Event `n` of the run's history."""
        page = (n - 1) // PAGE
        found = self._pages.get(page, [])
        at = (n - 1) % PAGE
        if at >= len(found):
            start = page * PAGE
            found = list(moment.reader.history(moment.run, after=start, until=min(start + PAGE, moment.outline.head)))
            self._pages[page] = found
            while len(self._pages) > PAGES:
                self._pages.popitem(last=False)
        self._pages.move_to_end(page)
        return found[at] if at < len(found) else None


class TimelineRows(Sequence[Row]):
    """Headings and events of the phases that are shown; those in `folded` show their heading only."""

    def __init__(self, moment: Moment, pages: EventPages, phases: Sequence[Phase], folded: Collection[int]) -> None:
        self._moment, self._pages, self._phases = moment, pages, phases
        self._folded = folded
        sizes = (1 if one.first in folded else 1 + one.last - one.first + 1 for one in phases)
        self._starts = list(accumulate(sizes, initial=0))

    def __len__(self) -> int:
        return self._starts[-1]

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Row]: ...
    def __getitem__(self, index: int | slice) -> Row | Sequence[Row]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        at = bisect.bisect_right(self._starts, index) - 1
        phase = self._phases[at]
        offset = index - self._starts[at]
        return self._heading(phase) if offset == 0 else event_row(self._moment, self._pages, phase.first + offset - 1)

    def index_of(self, n: int) -> int:
        """The row of event `n`, or the heading that it is folded under."""
        at = max(0, bisect.bisect_right([phase.first for phase in self._phases], n) - 1)
        if not self._phases:
            return 0
        phase = self._phases[at]
        inside = 0 if phase.first in self._folded else min(max(n, phase.first - 1), phase.last) - phase.first + 1
        return self._starts[at] + inside

    def _heading(self, phase: Phase) -> Row:
        fold = ">" if phase.first in self._folded else "v"
        where = f"generation {phase.generation} · " if phase.generation else ""
        count = phase.last - phase.first + 1
        return Row(
            ((f"{fold} {where}{phase.title}", "title"), (f"  {count:,} event{'s' * (count != 1)}", "dim")),
            Target("phase", phase.first, phase.last),
        )


class FilteredRows(Sequence[Row]):
    """The events whose numbers are in `ns`, which may grow while a search goes on."""

    def __init__(self, moment: Moment, pages: EventPages, ns: Sequence[int]) -> None:
        self._moment, self._pages, self._ns = moment, pages, ns

    def __len__(self) -> int:
        return len(self._ns)

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Row]: ...
    def __getitem__(self, index: int | slice) -> Row | Sequence[Row]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        return event_row(self._moment, self._pages, self._ns[index])

    def index_of(self, n: int) -> int:
        """The row of event `n`, or of the next that passed."""
        return min(bisect.bisect_left(self._ns, n), max(0, len(self._ns) - 1))


def event_row(moment: Moment, pages: EventPages, n: int) -> Row:
    """The row of event `n`."""
    event = pages.get(moment, n)
    return Row(describe(event), Target("event", n)) if event else BLANK
