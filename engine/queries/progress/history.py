"""The progress of a run at any event of its log: quick at the newest, and after a jump."""

from __future__ import annotations

from collections.abc import Sequence

from engine.core.state import State
from engine.events import types as t
from engine.events.event import Event
from engine.events.reader import Reader
from engine.queries.progress.pace import TIMED, Pace, joined
from engine.queries.progress.progress import Progress, at_rest, halted, progress
from engine.queries.progress.tally import Tally, executing

_STRIDE = 64
"""A pace is kept after each so many milestones."""
_EARLIER = 3
"""So many runs of the same domain say how long a step takes that this one has not done yet."""


class RunProgress:
    """The progress of one run, from its milestones and from sums over its results. Not thread-safe."""

    def __init__(self, reader: Reader, run: str) -> None:
        self._reader, self._run = reader, run
        self._kept, self._last = [Pace()], (0, Pace())
        self._tallied: tuple[int, int, Tally] = (0, 0, Tally())

    def at(self, state: State, milestones: Sequence[Event], count: int, earlier: Pace | None) -> Progress:
        """The progress at `state`, which follows the first `count` milestones and the results behind them."""
        if at_rest(state):
            return halted(state, self._tally(state, milestones, count))
        return progress(state, self.pace(milestones, count), self._tally(state, milestones, count), earlier)

    def pace(self, milestones: Sequence[Event], count: int) -> Pace:
        """The pace after the first `count` milestones."""
        at = min(count // _STRIDE, len(self._kept) - 1)
        done, pace = at * _STRIDE, self._kept[at]
        if done <= self._last[0] <= count:
            done, pace = self._last
        for event in milestones[done:count]:
            pace, done = pace.after(event), done + 1
            if done == len(self._kept) * _STRIDE:
                self._kept.append(pace)
        self._last = (count, pace)
        return pace

    def _tally(self, state: State, milestones: Sequence[Event], count: int) -> Tally:
        """The results of the Execution under way; only those that are new where the last call was for it, too."""
        if (candidate := executing(state)) is None:
            return Tally()
        types = (milestones[index] for index in range(count - 1, -1, -1))
        start = next((one.n for one in types if one.type == t.GenerationStarted.type), 0)
        after, tally = (
            self._tallied[1:] if self._tallied[0] == start and self._tallied[1] <= state.n else (start, Tally())
        )
        if state.n > after:
            tally = tally.and_more(tally_of(self._reader, self._run, state.generation, candidate, after, state.n))
        self._tallied = (start, state.n, tally)
        return tally


def tally_of(reader: Reader, run: str, generation: int, candidate: t.Candidate, after: int, until: int) -> Tally:
    """The results of a generation with `after < n <= until`."""
    found = Tally()
    own = (candidate.harness, candidate.weights or "", "val")
    for *name, count, failed, total, squares in reader.sums(run, generation, after=after, until=until):
        mine = tuple(name) == own
        some = Tally(count, failed, count * mine, total * mine, squares * mine)
        found = found.and_more(some)
    return found


def pace_of(reader: Reader, run: str) -> Pace:
    """What the steps of a run's history took so far."""
    pace = Pace()
    for part, last in reader.segments(run):
        for event in reader.milestones(part, after=0, until=1 << 62 if last is None else last, types=TIMED):
            pace = pace.after(event)
    return pace


def earlier_pace(reader: Reader, run: str) -> Pace:
    """What the newest other runs of the run's domain took, as far as this log has them."""
    own = {part for part, _ in reader.segments(run)}
    runs = reader.runs()
    domain = next((one.domain for one in runs if one.run == run), "")
    others = [one.run for one in runs if one.domain == domain and one.run not in own][-_EARLIER:]
    return joined([_of_part(reader, part) for part in others])


def _of_part(reader: Reader, part: str) -> Pace:
    pace = Pace()
    for event in reader.milestones(part, after=0, until=1 << 62, types=TIMED):
        pace = pace.after(event)
    return pace
