"""The events of a run as rows: under headings that can be folded, or only those that pass a filter.

The sequences are lazy: a million events are a few phases, and an event is read when its row comes into sight.
"""

from __future__ import annotations

import bisect
from collections.abc import Collection, Sequence
from itertools import accumulate
from typing import overload

from sia_tui.app.model.event_cache import EventCache
from sia_tui.app.model.snapshot import Phase, RunSnapshot
from sia_tui.app.rows.event_line import event_line
from sia_tui.app.rows.row import BLANK, Row, Target
from sia_tui.cli.formats import plural


class TimelineRows(Sequence[Row]):
    """The phases with their events. A phase whose first event is in `folded` is its heading only."""

    def __init__(
        self, snapshot: RunSnapshot, events: EventCache, phases: Sequence[Phase], folded: Collection[int]
    ) -> None:
        self._snapshot, self._events, self._phases, self._folded = snapshot, events, phases, folded
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
        number = bisect.bisect_right(self._starts, index) - 1
        phase, offset = self._phases[number], index - self._starts[number]
        if offset == 0:
            return self._heading(phase)
        return event_row(self._snapshot, self._events, phase.first + offset - 1)

    def index_of(self, n: int) -> int:
        """The row of event `n`, or the heading that it is folded under."""
        if not self._phases:
            return 0
        number = max(0, bisect.bisect_right([phase.first for phase in self._phases], n) - 1)
        phase = self._phases[number]
        offset = 0 if phase.first in self._folded else min(max(n, phase.first - 1), phase.last) - phase.first + 1
        return self._starts[number] + offset

    def _heading(self, phase: Phase) -> Row:
        fold = ">" if phase.first in self._folded else "v"
        generation = f"generation {phase.generation} · " if phase.generation else ""
        count = plural(phase.last - phase.first + 1, "event")
        return Row(
            ((f"{fold} {generation}{phase.title}", "title"), (f"  {count}", "dim")),
            Target("phase", phase.first, phase.last),
        )


class FilteredRows(Sequence[Row]):
    """The events whose numbers are in `ns`, which may grow."""

    def __init__(self, snapshot: RunSnapshot, events: EventCache, ns: Sequence[int]) -> None:
        self._snapshot, self._events, self._ns = snapshot, events, ns

    def __len__(self) -> int:
        return len(self._ns)

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Row]: ...
    def __getitem__(self, index: int | slice) -> Row | Sequence[Row]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        return event_row(self._snapshot, self._events, self._ns[index])

    def index_of(self, n: int) -> int:
        """The row of event `n`, or of the next one that passed the filter."""
        return min(bisect.bisect_left(self._ns, n), max(0, len(self._ns) - 1))


def event_row(snapshot: RunSnapshot, events: EventCache, n: int) -> Row:
    """The row of event `n`."""
    event = events.get(snapshot, n)
    return Row(event_line(event), Target("event", n)) if event else BLANK
