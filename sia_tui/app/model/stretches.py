"""Stretches of results: what an Execution records in numbers, and what a row says of all of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from engine.events import types as t
from engine.events.reader import Reader
from sia_tui.app.model.snapshot import Phase, RunSnapshot

FEWEST = 4
"""So many events are one row; fewer are shown as they are."""
_NUMEROUS = (t.ModelCalled.type, t.ModelRetried.type, t.ModelWasted.type, t.ToolCalled.type)
"""What an Execution records beside its results, and as often."""


class Stretch(NamedTuple):
    """The events `first` to `last`; `results` says that they are shown as one row, or below one."""

    first: int
    last: int
    results: bool = False


def stretches(snapshot: RunSnapshot, phase: Phase) -> Iterator[Stretch]:
    """The events of a phase in order: results and what belongs to them apart from the others."""
    outline = snapshot.outline
    between = outline.milestones[outline.index(phase.first - 1) + 1 : outline.index(phase.last) + 1]
    if phase.title != "Execution":
        yield Stretch(phase.first, phase.last)
        return
    start = phase.first
    for event in between:
        if event.type in _NUMEROUS:
            continue
        if event.n > start:
            yield Stretch(start, event.n - 1, event.n - start >= FEWEST)
        yield Stretch(event.n, event.n)
        start = event.n + 1
    if start <= phase.last:
        yield Stretch(start, phase.last, phase.last - start + 1 >= FEWEST)


class Sums(NamedTuple):
    """Results, failures and the sum of the scores on a split."""

    results: int = 0
    failed: int = 0
    total: float = 0.0


class StretchSums:
    """The sums of stretches that were asked for; of one that has grown only what is new is read."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[int, dict[str, Sums]]] = {}

    def of(self, reader: Reader, run: str, candidate: t.Candidate, generation: int, one: Stretch) -> dict[str, Sums]:
        """By split, of what `candidate` answered in a stretch of a generation."""
        last, found = self._known.get(one.first, (one.first - 1, {}))
        if last > one.last:
            last, found = one.first - 1, {}
        if last < one.last:
            found = dict(found)
            own = (candidate.harness, candidate.weights or "")
            for harness, weights, split, count, failed, total, _ in reader.sums(
                run, generation, after=last, until=one.last
            ):
                if (harness, weights) == own:
                    before = found.get(split, Sums())
                    found[split] = Sums(before.results + count, before.failed + failed, before.total + total)
            self._known[one.first] = (one.last, found)
        return found
