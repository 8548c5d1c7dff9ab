"""The rate at which one model is called, learnt from its refusals; one limiter serves all callers of a model.

    slow start, until a refusal -> pause for all -> a tenth below the refused rate -> back to it -> beyond it

Calls leave in the order in which they came; one that was refused leaves first. How many are in flight follows from the
rate and the model's latency. A refusal (429) decreases the rate once, however many calls in flight share it; an
overload halves the calls in flight. The rate increases as in CUBIC (RFC 9438, section 4.2): slowly near the rate that
was refused, faster beyond it, since each refusal costs a pause. Pauses end with jitter, so that processes on one
account do not come back at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import random
from collections import deque
from collections.abc import AsyncIterator

FIRST_WINDOW = 8
"""Calls in flight at the start; each reply adds one, which doubles them once a latency."""
_DECREASE = 0.9
_EARLY_S = 5.0
"""A refusal this soon after a pause: the refused rate was itself too high, by a factor of `_TOO_HIGH` or more."""
_TOO_HIGH = (1.0, 0.9, 0.75, 0.5)
"""By the number of early refusals in a row."""
_RECOVERY, _RECOVERY_EARLY, _DOUBLING = 20.0, 10.0, 2.0
"""After so many pauses of at least a second the rate is back where it was refused (or, at first, has doubled)."""
_MOST_RECOVERY_S = 300.0
_AT_ONCE = 3
"""Refusals in a row for which Retry-After: 0 is taken at its word."""
_LEAST_RATE = 1 / 60
_JITTER = 0.1
_LATE_S = 0.02
"""A timer that is late by less does not lower the rate."""
_BURST_S = 10.0
"""The last seconds before the first refusal, which measure what the model bears."""


class Turn:
    """A call that may be sent now. `refused_s` is the pause after it, where the model refused it."""

    def __init__(self, sent: float) -> None:
        self.sent = sent
        self.refused_s: float | None = None


class RateLimiter:
    """Admits calls of one model, at most `most` at once. Pauses without Retry-After double from `first_wait_s`."""

    def __init__(self, most: int, *, first_wait_s: float = 0.5, max_wait_s: float = 60.0) -> None:
        self._most, self._waits = most, (first_wait_s, max_wait_s)
        self._window = min(most, FIRST_WINDOW)
        self._queue: deque[asyncio.Future[None]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._in_flight = 0
        self._next = -math.inf  # when the next call may leave
        self._sends: deque[float] = deque(maxlen=4096)  # of calls that were not refused
        self._refused_rate = math.inf
        self._recovery_s = 1.0
        self._counted_from, self._decreased, self._paused_until = -math.inf, -math.inf, -math.inf
        self._refusals = self._early = 0  # in a row
        self._doubles = False

    @contextlib.asynccontextmanager
    async def turn(self, *, again: bool = False) -> AsyncIterator[Turn]:
        """Waits until a call may be sent; `again` for one that was refused before. Call `refused` if it is again."""
        await self._admitted(again)
        turn = Turn(self._now())
        self._sends.append(turn.sent)
        try:
            yield turn
            if turn.refused_s is None:
                self._refusals = 0
                self._window = min(self._most, self._window + 1)
        finally:
            self._in_flight -= 1
            self._dispatch()

    def refused(self, turn: Turn, after_s: float | None, *, overloaded: bool = False) -> float:
        """The model refused this call, and asks to wait `after_s`. Returns the seconds for which all calls wait.

        An overload is not our rate's doing: it halves the calls in flight, and leaves the rate as it is.
        """
        now, is_new = self._now(), turn.sent >= self._decreased
        with contextlib.suppress(ValueError):
            self._sends.remove(turn.sent)
        self._refusals += is_new
        at_once = after_s == 0 and self._refusals <= _AT_ONCE
        first_s, longest_s = self._waits
        wait_s = 0.0 if at_once else after_s or min(longest_s, first_s * 2 ** min(self._refusals - 1, 20))
        if overloaded and is_new:
            self._window, self._decreased = max(1, self._window // 2), now
        elif is_new and self._refusals == 1 and not at_once:  # later ones say only that it is still too soon
            self._decrease(now, wait_s)
        elif self._doubles and not overloaded:  # of the first burst, which its first refusal could not yet measure
            self._refused_rate = self._measured(self._decreased)
        self._paused_until = max(self._paused_until, now + wait_s * (1 + random.random() * _JITTER))
        self._next = max(self._next, self._paused_until)
        turn.refused_s = self._paused_until - now
        return turn.refused_s

    @property
    def has_room(self) -> bool:
        """Whether a further call would be sent at once."""
        return not self._queue and self._in_flight < self._window

    @property
    def rate(self) -> float:
        """Calls a second that are sent now; infinite until the model has refused one."""
        since = max(0.0, self._now() - self._paused_until) / self._recovery_s
        if self._doubles:
            return self._refused_rate * _DECREASE * math.exp2(min(since, 20.0))
        from_there = since - 1
        return self._refused_rate * (1 + (1 - _DECREASE) * from_there * from_there * from_there)

    def _decrease(self, now: float, wait_s: float) -> None:
        if math.isinf(self._refused_rate):
            self._counted_from = max(min(self._sends, default=now), now - _BURST_S)
            self._refused_rate, self._doubles, pauses = self._measured(now), True, _DOUBLING
        else:
            is_early = now - self._paused_until < _EARLY_S
            self._early = min(self._early + 1, len(_TOO_HIGH) - 1) if is_early else 0
            self._counted_from, rate = self._decreased, self.rate
            lower = max(rate * _TOO_HIGH[self._early], self._measured(now))
            self._refused_rate, self._doubles = max(_LEAST_RATE, min(rate, lower)), False
            pauses = _RECOVERY_EARLY if is_early else _RECOVERY
        self._decreased = now
        self._recovery_s = min(_MOST_RECOVERY_S, pauses * max(1.0, wait_s))

    def _measured(self, until: float) -> float:
        """Calls a second that were sent and not refused until then, since the pause before."""
        sent = sum(self._counted_from <= one <= until for one in self._sends)
        return max(_LEAST_RATE, sent / max(1.0, until - self._counted_from))

    async def _admitted(self, again: bool) -> None:
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        (self._queue.appendleft if again else self._queue.append)(place)
        self._dispatch()
        try:
            await place
        except asyncio.CancelledError:
            if not place.cancelled():  # it had its turn already
                self._in_flight -= 1
                self._dispatch()
            raise

    def _dispatch(self) -> None:
        """Lets calls leave that may, and comes again when the next one may."""
        while self._queue and self._in_flight < self._window:
            now = self._now()
            if self._next > now:
                if self._timer is not None:
                    self._timer.cancel()
                self._timer = asyncio.get_running_loop().call_at(self._next, self._dispatch)
                return
            place = self._queue.popleft()
            if place.cancelled():
                continue
            self._in_flight += 1
            self._next = max(self._next, now - _LATE_S) + 1 / self.rate
            place.set_result(None)

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
