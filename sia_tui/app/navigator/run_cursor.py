"""Watching one run: up to which event it is seen, and how that moves. Live and replay are the same thing.

`until` is None at the head, which moves as the run does. A replay is a clock that runs over the recorded times.
"""

from __future__ import annotations

from sia_tui.app.model.snapshot import Moment
from sia_tui.app.model.sources import Source
from sia_tui.app.rows.timeline import EventPages

SPEEDS = (0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 50.0, 200.0, 1000.0)
LONGEST_US = 2_000_000
"""No pause of a replay is longer than this on the wall, whatever the speed."""


class Watching:
    """One run of one source, with its place in time."""

    def __init__(self, source: Source, run: str) -> None:
        from engine.queries.snapshot import Outline

        self.source = source
        self.run = run
        self.outline = Outline(source.reader, run)
        self.pages = EventPages()
        self.until: int | None = None
        self.playing = False
        self.speed = 10.0
        self._clock = 0.0

    @property
    def n(self) -> int:
        """The last event that is seen."""
        return self.outline.head if self.until is None else self.until

    @property
    def moment(self) -> Moment:
        """The run at that event."""
        return Moment(self.source.reader, self.outline, self.n)

    def catch_up(self) -> bool:
        """Takes in what was appended; whether that changes what is seen."""
        return self.outline.catch_up() and self.until is None

    def go_to(self, n: int | None) -> None:
        """To event `n`; None, or the last event, is the head."""
        self.playing = self.playing and n is not None
        self.until = None if n is None or n >= self.outline.head else max(1, n)

    def hold(self) -> None:
        """Stays at the event that is the last one now, while the run goes on."""
        self.playing = False
        self.until = self.outline.head

    def step(self, by: int) -> None:
        """Forward or back by events."""
        self.go_to(max(1, self.n + by))

    def step_generation(self, by: int) -> None:
        """To the first event of the next generation, or of the one before."""
        starts = [event.n for event in self.outline.milestones if event.type == "generation.started"]
        if by > 0:
            later = [n for n in starts if n > self.n]
            self.go_to(later[0] if later else None)
        else:
            earlier = [n for n in starts if n < self.n]
            self.go_to(earlier[-1] if earlier else 1)

    def find_generation(self, generation: int) -> int | None:
        """The event with which a generation ends, as far as the log reaches; None where it has not begun."""
        own = [event.n for event in self.outline.milestones if event.generation == generation]
        later = [event.n for event in self.outline.milestones if event.generation > generation]
        return None if not own else later[0] - 1 if later else self.outline.head

    def at_time(self, at: float) -> int:
        """The last event at or before a time in microseconds since 1970; the first where there is none."""
        low, high = 1, self.outline.head
        while low < high:
            middle = (low + high + 1) // 2
            if self._at(middle) <= at:
                low = middle
            else:
                high = middle - 1
        return low

    def _at(self, n: int) -> int:
        event = self.pages.get(self.moment, n)
        return event.at if event else 0

    @property
    def time(self) -> int:
        """When the last event that is seen happened, in microseconds since 1970."""
        return self._at(self.n) if self.n else 0

    @property
    def first_time(self) -> int:
        """When the run began."""
        return self._at(1) if self.outline.head else 0

    def play(self) -> None:
        """Starts or pauses the replay; from the head it begins at the beginning."""
        self.playing = not self.playing
        if self.playing and self.until is None:
            self.go_to(1)
            self.playing = True
        self._clock = float(self.time)

    def faster(self, by: int) -> None:
        """Another speed."""
        at = min(range(len(SPEEDS)), key=lambda i: abs(SPEEDS[i] - self.speed))
        self.speed = SPEEDS[max(0, min(len(SPEEDS) - 1, at + by))]

    def tick(self, seconds: float) -> bool:
        """Lets `seconds` of wall time pass in a replay; whether other events are seen now."""
        if not self.playing or self.until is None:
            return False
        self._clock = max(self._clock, float(self.time)) + seconds * 1e6 * self.speed
        ahead = self._at(min(self.until + 1, self.outline.head))
        if ahead - self._clock > LONGEST_US * self.speed:
            self._clock = ahead - LONGEST_US * self.speed
        n = max(self.until, self.at_time(self._clock))
        if n == self.until:
            return False
        self.go_to(n)
        self.playing = self.until is not None
        return True
