"""The event at which a run is shown, and how it moves: by steps, by jumps, or by a replay.

Live and replay are the same: at the head the cursor moves as the run does; a replay is a clock over recorded times.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sia_tui.app.model.event_cache import EventCache
from sia_tui.app.model.snapshot import RunSnapshot
from sia_tui.app.model.sources import Source

if TYPE_CHECKING:
    from engine.queries.progress.pace import Pace
    from engine.queries.progress.progress import Progress

SPEEDS = (0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 50.0, 200.0, 1000.0)
MAX_PAUSE_S = 2.0
"""A replay waits no longer than this for the next event, at any speed."""


class RunCursor:
    """A run of a source, and the event at which it is shown: `until`, or None for the head."""

    def __init__(self, source: Source, run_id: str) -> None:
        from engine.queries.snapshot import Outline

        self.source = source
        self.run_id = run_id
        self.outline = Outline(source.reader, run_id)
        self.events = EventCache()
        self.until: int | None = None
        self.playing = False
        self.speed = 10.0
        self._clock_us = 0.0
        self._earlier: Pace | None = None

    @property
    def head(self) -> int:
        """The number of the run's last event."""
        return self.outline.head

    @property
    def n(self) -> int:
        """The number of the last event that is shown."""
        return self.head if self.until is None else self.until

    @property
    def at_head(self) -> bool:
        """Whether the cursor moves as the run does."""
        return self.until is None

    @property
    def snapshot(self) -> RunSnapshot:
        """The run at event `n`."""
        return RunSnapshot(self.source.reader, self.outline, self.n)

    @property
    def progress(self) -> Progress:
        """How far the run is at event `n`; other runs of the domain say how long it takes what it has not done yet."""
        from engine.queries.progress.progress import at_rest

        if self._earlier is None and not at_rest(self.snapshot.state):
            from engine.queries.progress.history import earlier_pace

            self._earlier = earlier_pace(self.source.reader, self.run_id)
        return self.outline.progress(self.n, self._earlier)

    @property
    def at_head_snapshot(self) -> RunSnapshot:
        """The run at its last event, whatever event is shown."""
        return RunSnapshot(self.source.reader, self.outline, self.head)

    def catch_up(self) -> bool:
        """Reads what was appended; true if that changes what is shown."""
        return self.outline.catch_up() and self.at_head

    def go_to(self, n: int | None) -> None:
        """Moves to event `n`; None, or the last event, is the head."""
        self.playing = self.playing and n is not None
        self.until = None if n is None or n >= self.head else max(1, n)

    def hold(self) -> None:
        """Stays at the event that is the head now, while the run goes on."""
        self.playing = False
        self.until = self.head

    def step(self, by: int) -> None:
        """Moves by events."""
        self.playing = False
        self.go_to(max(1, self.n + by))

    def step_generation(self, by: int) -> None:
        """Moves to the first event of the next generation, or of the previous one."""
        starts = [event.n for event in self.outline.milestones if event.type == "generation.started"]
        if by > 0:
            later = [n for n in starts if n > self.n]
            self.go_to(later[0] if later else None)
        else:
            earlier = [n for n in starts if n < self.n]
            self.go_to(earlier[-1] if earlier else 1)

    def last_of_generation(self, generation: int) -> int | None:
        """The last event of a generation so far; None where it has not started."""
        own = [event.n for event in self.outline.milestones if event.generation == generation]
        later = [event.n for event in self.outline.milestones if event.generation > generation]
        return None if not own else later[0] - 1 if later else self.head

    def last_at(self, at_us: float) -> int:
        """The last event at or before a time in microseconds since 1970; event 1 where there is none."""
        low, high = 1, self.head
        while low < high:
            middle = (low + high + 1) // 2
            if self._time_of(middle) <= at_us:
                low = middle
            else:
                high = middle - 1
        return low

    @property
    def time(self) -> int:
        """When event `n` was appended, in microseconds since 1970."""
        return self._time_of(self.n) if self.n else 0

    @property
    def start_time(self) -> int:
        """When the run's first event was appended, in microseconds since 1970."""
        return self._time_of(1) if self.head else 0

    def _time_of(self, n: int) -> int:
        event = self.events.get(self.snapshot, n)
        return event.at if event else 0

    def toggle_replay(self) -> None:
        """Starts or pauses the replay; from the head it starts at the first event."""
        self.playing = not self.playing
        if self.playing and self.at_head:
            self.go_to(1)
            self.playing = True
        self._clock_us = float(self.time)

    def change_speed(self, by: int) -> None:
        """Moves along `SPEEDS`."""
        index = min(range(len(SPEEDS)), key=lambda i: abs(SPEEDS[i] - self.speed))
        self.speed = SPEEDS[max(0, min(len(SPEEDS) - 1, index + by))]

    def advance(self, seconds: float) -> bool:
        """Plays `seconds` of wall time; true if other events are shown."""
        if not self.playing or self.until is None:
            return False
        self._clock_us = max(self._clock_us, float(self.time)) + seconds * 1e6 * self.speed
        following = self._time_of(min(self.until + 1, self.head))
        self._clock_us = max(self._clock_us, following - MAX_PAUSE_S * 1e6 * self.speed)
        n = max(self.until, self.last_at(self._clock_us))
        if n == self.until:
            return False
        self.go_to(n)
        self.playing = not self.at_head
        return True
