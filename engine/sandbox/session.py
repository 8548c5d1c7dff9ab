"""An execution: jobs go through a sandbox, doubtful ones once more alone, and a sandbox that dies is replaced.

Nothing here depends on the order in which jobs finish, nor on how many run at once: only who shares the machine
does, and whoever fails while another takes everything is tried again alone.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Iterable
from typing import Final

from engine.errors import SiaError
from engine.sandbox.isolation import Isolation
from engine.sandbox.launch import MOST_FILES, StartError
from engine.sandbox.program import Broker, Failure, Job, Outcome, Prepared, Program, failure
from engine.sandbox.sandbox import DiedError, Sandbox

TRIES = 4  # the first and three more
BACK_OFF_S = 0.1


class Session:
    """A prepared harness. Made by `open_sandbox`."""

    def __init__(self, program: Program, workers: int, broker: Broker, isolation: Isolation) -> None:
        self._program, self._workers, self._broker, self._isolation = program, workers, broker, isolation
        self._box: Sandbox | None = None
        self._boxes: set[Sandbox] = set()
        self._opening = asyncio.Lock()
        self.prepared: Prepared = Prepared(None, 0.0, 0.0, "")

    async def solve(self, jobs: Iterable[Job]) -> AsyncIterator[Outcome]:
        """Yields an outcome for every job, in the order in which they finish. One call at a time.

        When the iterator is closed or its task cancelled, everything inside is killed before it returns.
        """
        queue, again = deque(jobs), list[Job]()
        done: asyncio.Queue[Outcome | None] = asyncio.Queue()

        async def lane(number: int) -> None:
            while queue:
                job = queue.popleft()
                outcome = await self._solve(job, number, alone=self._workers == 1)
                if outcome is None:
                    again.append(job)
                else:
                    done.put_nowait(outcome)

        async def everything() -> None:
            try:
                async with asyncio.TaskGroup() as lanes:
                    for number in range(min(self._workers, len(queue))):
                        lanes.create_task(lane(number))
                for job in again:
                    outcome = await self._solve(job, 0, alone=True)
                    assert outcome is not None  # noqa: S101  (alone, there is no doubt left)
                    done.put_nowait(outcome)
            finally:
                done.put_nowait(None)

        task = asyncio.create_task(everything())
        try:
            while (outcome := await done.get()) is not None:
                yield outcome
            try:
                await task
            except* Exception as errors:
                raise errors.exceptions[0] from None
        finally:
            if not task.done():
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
                await self.close()

    async def close(self) -> None:
        """Kills everything inside."""
        boxes, self._boxes, self._box = list(self._boxes), set(), None
        await asyncio.gather(*(box.close() for box in boxes))

    async def open(self) -> None:
        """Starts and prepares the first sandbox, so that `prepared` is known."""
        self._box = await self._start()

    async def _solve(self, job: Job, number: int, *, alone: bool) -> Outcome | None:
        """The outcome of a job; None if it has to be tried again alone."""
        single = self._program.isolation == "instance"
        late = False
        for attempt in range(TRIES):
            box = await self._take(single)
            if box is None:
                return _failed(job, self.prepared.failure)
            try:
                verdict = await box.slots[0 if single else number].run(job)
            except DiedError as death:
                if death.cause.kind == "infrastructure":
                    await asyncio.sleep(BACK_OFF_S * 4**attempt)
                    cause = death.cause
                    continue
                return _failed(job, death.cause) if death.blamed or alone else None
            else:
                if not verdict.doubtful or (alone and late):
                    return verdict.outcome
                ...
            finally:
                if single or box.cause is not None:
                    await self._drop(box)
        return _failed(job, cause)
