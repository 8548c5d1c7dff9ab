"""Places for jobs that compute: one that waits for a model leaves its place to another job.

How many jobs compute at once is thus bounded by the machine, and how many wait for a model by the model.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from engine.sandbox.program import Broker, CallRefused

LEAST_MEMORY = 0.25
"""The share of the machine's memory that a further sandbox leaves available to others."""


class Places:
    """A `Broker` for jobs that each `hold` one of `count` places, except while `broker` answers a call of theirs."""

    def __init__(self, count: int, broker: Broker) -> None:
        self._free = asyncio.Semaphore(count)
        self._broker = broker
        self._holders: set[str] = set()
        self._waiting = 0
        self._idle = asyncio.Event()

    async def left_for(self, seconds: float) -> None:
        """Returns when a place is free, since a job waits for a call, and is so after `seconds` as well."""
        while True:
            await self._idle.wait()
            await asyncio.sleep(seconds)
            if self._idle.is_set():
                return

    @contextlib.asynccontextmanager
    async def hold(self, key: str) -> AsyncIterator[None]:
        """Waits for a place, and holds it for the job `key`."""
        await self._enter(key)
        try:
            yield
        finally:
            self._leave(key)

    async def call(self, job_key: str | None, op: str, payload: Any, ordinal: int) -> Any:
        """As `Broker.call`; returns once the job has a place again."""
        if job_key is None or job_key not in self._holders:  # `prepare` holds none
            return await self._broker.call(job_key, op, payload, ordinal)
        self._waiting += 1
        self._leave(job_key)
        try:
            reply = await self._broker.call(job_key, op, payload, ordinal)
        except CallRefused:
            await self._enter(job_key)
            raise
        finally:
            self._waiting -= 1
        await self._enter(job_key)
        return reply

    async def _enter(self, key: str) -> None:
        await self._free.acquire()
        self._holders.add(key)
        self._tell()

    def _leave(self, key: str) -> None:
        if key in self._holders:
            self._holders.remove(key)
            self._free.release()
            self._tell()

    def _tell(self) -> None:
        """Says whether a place is free while a job waits."""
        if self._waiting and not self._free.locked():
            self._idle.set()
        else:
            self._idle.clear()


def memory_is_left() -> bool:
    """Whether the machine has memory for a further sandbox; true where it does not say (not Linux)."""
    try:
        lines = (line.split() for line in Path("/proc/meminfo").read_text().splitlines())
        found = {line[0]: int(line[1]) for line in lines}
        return found["MemAvailable:"] >= LEAST_MEMORY * found["MemTotal:"]
    except (OSError, KeyError, ValueError, IndexError):
        return True
