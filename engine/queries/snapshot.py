"""The state of a run at any event, without reading the many results between: fast for long runs too.

Only milestones are folded. The `instance.finished` events between two of them change only counts and time, which SQLite
sums up without decoding a payload. `at(n)` is `fold(history until n)`, up to the rounding of `spent.seconds`; a test
checks this for every event of the recorded runs.
"""

from __future__ import annotations

import bisect

from engine.core.state import State, evolve, evolve_results
from engine.events.event import Event
from engine.events.reader import Reader
from engine.queries.progress.history import RunProgress
from engine.queries.progress.pace import Pace
from engine.queries.progress.progress import Progress

_KEPT_STATES = 64
_STRIDE = 64
"""A state is kept after each so many milestones: it names every generation, and a long run has many of both."""


class Outline:
    """The milestones of one run; grows with the run. Not thread-safe."""

    def __init__(self, reader: Reader, run: str) -> None:
        self.reader = reader
        self.run = run
        self.head = 0
        self.milestones: list[Event] = []
        self._ns: list[int] = []
        self._folded = [State()]  # after every `_STRIDE` milestones, as far as that was needed
        self._at, self._block = 0, [State()]  # of these, and after each milestone that follows it
        self._segments = reader.segments(run)
        self._recent: dict[int, State] = {}
        self._progress = RunProgress(reader, run)
        self.catch_up()

    def catch_up(self) -> bool:
        """Reads what was appended meanwhile; returns whether there was anything."""
        last = self.reader.last_n(self.run)
        if last == self.head:
            return False
        for part, until in self._segments:
            bound = last if until is None else until
            if bound > self.head:
                self.milestones += self.reader.milestones(part, after=self.head, until=bound)
        self._ns += [event.n for event in self.milestones[len(self._ns) :]]
        self.head = last
        return True

    def index(self, n: int) -> int:
        """The position in `milestones` of the last one at or before event `n`; -1 where there is none."""
        return bisect.bisect_right(self._ns, n) - 1

    def part(self, n: int) -> str:
        """The id under which event `n` is stored: this run's, or an ancestor's."""
        return next((part for part, until in self._segments if until is None or n <= until), self.run)

    def at(self, n: int) -> State:
        """The state at event `n` (0 is before the first)."""
        n = max(0, min(n, self.head))
        if n in self._recent:
            return self._recent[n]
        at = self.index(n)
        if at < 0:
            return State()
        state = self._across(self._after(at + 1), n)
        if len(self._recent) >= _KEPT_STATES:
            self._recent.clear()
        self._recent[n] = state
        return state

    def progress(self, n: int, earlier: Pace | None = None) -> Progress:
        """How far the run is at event `n`; `earlier` is what other runs took."""
        return self._progress.at(self.at(n), self.milestones, self.index(n) + 1, earlier)

    def _after(self, count: int) -> State:
        """The state after the first `count` milestones."""
        at = min(count // _STRIDE, len(self._folded) - 1)
        if at != self._at:
            self._at, self._block = at, [self._folded[at]]
        while (done := self._at * _STRIDE + len(self._block) - 1) < count:
            milestone = self.milestones[done]
            self._block.append(evolve(self._across(self._block[-1], milestone.n - 1), milestone))
            if (done + 1) % _STRIDE == 0:
                self._at, self._block = self._at + 1, self._block[-1:]
                self._folded[self._at :] = self._block
        return self._block[count - self._at * _STRIDE]

    def _across(self, state: State, until: int) -> State:
        """`state` after the results that follow it up to event `until`."""
        if until <= state.n:
            return state
        part = self.part(until)
        reused = self.reader.reused_between(part, state.n, until)
        (last,) = self.reader.numbered(part, until - 1, until)
        return evolve_results(state, until - state.n - reused, reused, last)
