"""The events of a run as rows: under headings that can be folded, or only those that pass a filter.

The sequences are lazy: a million events are a few phases, and an event is read when its row comes into sight.
"""

from __future__ import annotations

import bisect
from collections.abc import Collection, Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple, overload

from sia_tui.app.model.event_cache import EventCache
from sia_tui.app.model.snapshot import Phase, RunSnapshot
from sia_tui.app.model.stretches import Stretch, StretchSums, stretches
from sia_tui.app.rows.event_line import event_line
from sia_tui.app.rows.row import BLANK, Row, Span, Target
from sia_tui.cli.formats import plural


class Block(NamedTuple):
    """Rows beside each other: the heading of a phase, the row of a stretch, or events from `first` on."""

    phase: Phase
    stretch: Stretch | None
    first: int
    events: int


class TimelineRows(Sequence[Row]):
    """The phases with their events. A phase whose first event is in `folded` is its heading only.

    A stretch of results is one row, unless its first event is in `opened`: then its events follow that row.
    """

    def __init__(
        self,
        snapshot: RunSnapshot,
        events: EventCache,
        phases: Sequence[Phase],
        folded: Collection[int],
        opened: Collection[int] = (),
        sums: StretchSums | None = None,
    ) -> None:
        self._snapshot, self._events, self._folded, self._opened = snapshot, events, folded, opened
        self._sums = sums or StretchSums()
        self._blocks = [block for phase in phases for block in self._blocks_of(phase)]
        self._starts = list(accumulate((max(1, block.events) for block in self._blocks), initial=0))

    def _blocks_of(self, phase: Phase) -> Iterator[Block]:
        yield Block(phase, None, phase.first, 0)
        if phase.first in self._folded:
            return
        for one in stretches(self._snapshot, phase):
            if one.results:
                yield Block(phase, one, one.first, 0)
            if not one.results or one.first in self._opened:
                yield Block(phase, None, one.first, one.last - one.first + 1)

    def __len__(self) -> int:
        return self._starts[-1]

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Row]: ...
    def __getitem__(self, index: int | slice) -> Row | Sequence[Row]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        index += len(self) if index < 0 else 0
        number = bisect.bisect_right(self._starts, index) - 1
        block = self._blocks[number]
        if block.events:
            return event_row(self._snapshot, self._events, block.first + index - self._starts[number])
        return self._heading(block.phase) if block.stretch is None else self._results(block.phase, block.stretch)

    def index_of(self, n: int) -> int:
        """The row of event `n`, or the one under which it is hidden."""
        number = max(0, bisect.bisect_right([block.first for block in self._blocks], n) - 1)
        if not self._blocks:
            return 0
        block = self._blocks[number]
        return self._starts[number] + max(0, min(n - block.first, block.events - 1))

    def hidden_in(self, n: int) -> int | None:
        """The first event of the closed stretch in which event `n` lies; None where it has a row."""
        for block in self._blocks:
            one = block.stretch
            if one is not None and one.first <= n <= one.last and one.first not in self._opened:
                return one.first
        return None

    def heading_of(self, first: int) -> int:
        """The row of the heading of the phase that begins with event `first`."""
        return next((self._starts[i] for i, block in enumerate(self._blocks) if block.first == first), 0)

    def _results(self, phase: Phase, one: Stretch) -> Row:
        """What came of a stretch: `val 842/1,068  0.7900  3 failed`."""
        state = self._snapshot.state
        spans: list[Span] = [(f"{'v' if one.first in self._opened else '>'} ", "dim")]
        settings, counts = state.settings, state.domain.counts
        planned = {
            "val": settings.repeats * counts.get("val", 0),
            "train": settings.repeats * min(settings.train_sample, counts.get("train", 0)),
        }
        candidate = state.of(phase.generation).candidate if 0 < phase.generation <= state.generation else None
        found = (
            self._sums.of(self._snapshot.reader, self._snapshot.run_id, candidate, phase.generation, one)
            if candidate
            else {}
        )
        for split, sums in sorted(found.items(), key=lambda item: item[0] != "val"):
            of = f"/{planned[split]:,}" if split in planned else ""
            spans += [(f"{split} {sums.results:,}{of}  ", "strong"), (f"{sums.total / sums.results:.4f}  ", "")]
            if sums.failed:
                spans.append((f"{sums.failed:,} failed  ", "bad"))
        if not found:
            spans.append((plural(one.last - one.first + 1, "event"), "dim"))
        return Row(tuple(spans), Target("results", one.first, one.last))

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
