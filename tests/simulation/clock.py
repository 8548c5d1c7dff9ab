"""Time that passes only where somebody waits for it, and chance that a seed decides.

The clock, `sleep` and the sources of chance are replaced in the standard library, so that all that runs is under them:
our code, asyncio, the locks.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import secrets
import selectors
import time
from collections.abc import Iterator
from unittest import mock

NOON = 1_800_000_000.0
LONGEST_S = 3_600.0
"""No history takes so long."""


class Stuck(AssertionError):
    """Everybody waits, and nothing will ever come."""


class Clock:
    """The time of a simulated machine, in seconds from its start."""

    def __init__(self) -> None:
        self.now = 0.0

    def sleep(self, seconds: float) -> None:
        """Lets time pass."""
        self.now += max(0.0, seconds)


class _Selector(selectors.SelectSelector):
    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise Stuck("everybody waits, and nothing will ever come")
        self._clock.sleep(timeout)
        if self._clock.now > LONGEST_S:
            raise Stuck("nothing has come of it in an hour")
        return []


class Loop(asyncio.SelectorEventLoop):
    """An event loop on a simulated clock, in which nothing comes from outside."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(_Selector(clock))
        self._simulated = clock

    def time(self) -> float:
        return self._simulated.now


@contextlib.contextmanager
def simulated(clock: Clock, seed: int) -> Iterator[None]:
    """Within the block the time is the clock's, and chance is the seed's."""
    dice, state = random.Random(seed), random.getstate()
    random.seed(seed)
    with contextlib.ExitStack() as replaced:
        for place, name, instead in (
            (time, "monotonic", lambda: clock.now),
            (time, "monotonic_ns", lambda: int(clock.now * 1e9)),
            (time, "perf_counter", lambda: clock.now),
            (time, "time", lambda: NOON + clock.now),
            (time, "time_ns", lambda: int((NOON + clock.now) * 1e9)),
            (time, "sleep", clock.sleep),
            (secrets, "token_hex", lambda count: dice.randbytes(count).hex()),
        ):
            replaced.enter_context(mock.patch.object(place, name, instead))
        try:
            yield
        finally:
            random.setstate(state)
