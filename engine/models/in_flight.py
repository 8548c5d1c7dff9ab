"""The calls of one caller that have begun, and those of them whose replies the server may have billed."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator

Key = tuple[bytes, str, int]
"""A request's body, its place and its ordinal: equal calls are one."""


class InFlight:
    """Calls from their beginning to their end. Once a caller has given up (`give_up`) no further one is sent."""

    def __init__(self) -> None:
        self._begun: dict[Key, asyncio.Event] = {}
        self._sent: dict[Key, asyncio.Event] = {}
        self.with_server: dict[Key, int] = {}
        """When each call was sent that the server has not replied to, in microseconds since 1970."""
        self._gave_up: Exception | None = None

    async def until_alone(self, key: Key) -> None:
        """Waits until no equal call is in flight."""
        while (equal := self._begun.get(key)) is not None:
            await equal.wait()

    def begin(self, key: Key) -> asyncio.Event:
        """Begins a call; returns what is set when it has ended."""
        if not self._begun:
            self._gave_up = None
        self._begun[key] = asyncio.Event()
        return self._begun[key]

    def end(self, key: Key) -> None:
        """Ends a call: its reply, if there was one, is recorded."""
        self._end_sending(key)
        self._begun.pop(key).set()

    def give_up(self, error: Exception) -> None:
        """Refuses with `error` whatever would be sent before all calls in flight have ended: their step ends."""
        self._gave_up = error

    @contextlib.contextmanager
    def sending(self, key: Key) -> Iterator[None]:
        """While a call is with the server, and afterwards until its end, its reply may be billed and not recorded."""
        if self._gave_up is not None:
            raise self._gave_up
        self._sent[key] = asyncio.Event()
        self.with_server[key] = time.time_ns() // 1000
        try:
            yield
        except BaseException:
            self._end_sending(key)
            raise
        finally:
            del self.with_server[key]

    async def until_recorded(self, *, ended: bool) -> None:
        """Waits until every reply that may have been billed is in the ledger; or until all calls have `ended`."""
        while left := self._begun if ended else self._sent:
            await next(iter(left.values())).wait()

    def _end_sending(self, key: Key) -> None:
        if (sent := self._sent.pop(key, None)) is not None:
            sent.set()
