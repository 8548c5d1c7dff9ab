"""Runs jobs in a sandbox: replaces a sandbox that dies, and runs unclear jobs once more, alone.

Outcomes do not depend on the order in which jobs finish, or on how many run at once: a job that fails while another
one exhausts the machine runs again, alone.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Iterable

from engine.errors import SiaError
from engine.failure import Failure
from engine.sandbox.isolation import Isolation
from engine.sandbox.launch import StartError
from engine.sandbox.program import Broker, Job, Outcome, Preparation, Program, failure
from engine.sandbox.sandbox import DiedError, Sandbox

TRIES = 4  # the first and three more
BACK_OFF_S = 0.1


class Session:
    """A prepared harness (see `open_sandbox`); `prepared` is the outcome of its `prepare`."""

    def __init__(self, program: Program, workers: int, broker: Broker, isolation: Isolation) -> None:
        self._program, self._workers, self._broker, self._isolation = program, workers, broker, isolation
        self._ready: Sandbox | Failure | None = None
        self._boxes: dict[int, Sandbox] = {}
        self._start_lock = asyncio.Lock()
        self.prepared = Preparation(None, 0.0, 0.0, "")

    async def open(self) -> None:
        """Starts and prepares the first sandbox."""
        self._ready = await self._start()

    async def close(self) -> None:
        """Kills every process inside."""
        while self._boxes:
            await asyncio.gather(*map(self._drop, list(self._boxes.values())))

    async def solve(self, jobs: Iterable[Job]) -> AsyncGenerator[Outcome, None]:
        """Yields an outcome for every job, in the order in which they finish. One call at a time.

        If the iterator is closed before its end, every process inside is killed at once. An exception of the broker
        other than `CallRefused` is raised here.
        """
        done: asyncio.Queue[Outcome | None] = asyncio.Queue()
        task = asyncio.create_task(self._run_all(deque(jobs), done))
        try:
            while (outcome := await done.get()) is not None:
                yield outcome
            await task
        finally:
            if not task.done():
                task.cancel()
                await self.close()
                await asyncio.gather(task, return_exceptions=True)

    async def _run_all(self, queue: deque[Job], done: asyncio.Queue[Outcome | None]) -> None:
        retries: list[Job] = []

        async def lane(number: int) -> None:
            while queue:
                job = queue.popleft()
                if (outcome := await self._solve(job, number, alone=False)) is None:
                    retries.append(job)
                else:
                    done.put_nowait(outcome)

        lanes = [asyncio.create_task(lane(number)) for number in range(min(self._workers, len(queue)))]
        try:
            await asyncio.gather(*lanes)
            for job in sorted(retries, key=lambda job: job.key):
                done.put_nowait(await self._solve(job, 0, alone=True) or _lost(job))
        finally:
            for task in lanes:
                task.cancel()
            await asyncio.gather(*lanes, return_exceptions=True)
            done.put_nowait(None)

    async def _solve(self, job: Job, number: int, *, alone: bool) -> Outcome | None:
        """The outcome of a job; None if it must run once more, alone."""
        cause = None
        for attempt in range(TRIES):
            box = await self._take()
            if isinstance(box, Failure):
                return _failed(job, box)
            try:
                result = await box.slots[number if len(box.slots) > number else 0].run(job)
            except DiedError as death:
                cause = death.cause
                if cause.kind != "infrastructure":
                    return _failed(job, cause) if death.blamed or alone else None
            else:
                return result.outcome if alone or not result.retry else None
            finally:
                if self._single or box.cause is not None:
                    await self._drop(box)
            await asyncio.sleep(BACK_OFF_S * 4**attempt)
        return _failed(job, cause) if cause else None

    @property
    def _single(self) -> bool:
        return self._program.isolation == "instance"

    async def _take(self) -> Sandbox | Failure:
        """The sandbox to run in: the shared one, or a new one for each job if instances are isolated."""
        if self._single:
            taken, self._ready = self._ready, None
            return await self._start() if taken is None else taken
        async with self._start_lock:
            if self._ready is None:
                self._ready = await self._start()
            return self._ready

    async def _start(self) -> Sandbox | Failure:
        """A prepared sandbox, or the failure of every job."""
        message = ""
        for attempt in range(TRIES):
            try:
                box = await Sandbox.start(
                    self._program, self._isolation, 1 if self._single else self._workers, self._broker
                )
            except StartError as error:
                message = str(error)
                await asyncio.sleep(BACK_OFF_S * 4**attempt if attempt < TRIES - 1 else 0)
                continue
            self._boxes[id(box)] = box
            self.prepared = box.prepared
            if box.prepared.failure is None:
                return box
            await self._drop(box)
            return box.prepared.failure
        fault = failure("infrastructure", f"the sandbox did not start: {message}")
        self.prepared = Preparation(fault, 0.0, 0.0, "")
        return fault

    async def _drop(self, box: Sandbox) -> None:
        if self._ready is box:
            self._ready = None
        if self._boxes.pop(id(box), None) is not None:
            await box.close()


@contextlib.asynccontextmanager
async def open_sandbox(
    program: Program, *, workers: int, broker: Broker, isolation: Isolation
) -> AsyncIterator[Session]:
    """A prepared harness that runs up to `workers` jobs at once; all its processes are killed at the end.

    Raises `SiaError` if this machine offers no sandbox. Enter it from a thread that outlives it: the sandbox dies with
    the thread that started it.
    """
    if isolation.mode == "none":
        raise SiaError(
            "this machine offers no sandbox to run a harness in",
            "`sia doctor` says what is missing; --unsafe-no-sandbox runs harnesses without one",
        )
    session = Session(program, max(1, workers), broker, isolation)
    try:
        await session.open()
        yield session
    finally:
        await session.close()


async def run_harness(
    program: Program, jobs: Iterable[Job], *, workers: int, broker: Broker, isolation: Isolation
) -> AsyncGenerator[Outcome, None]:
    """`open_sandbox` and `solve` in one: an outcome for every job, in the order in which they finish."""
    async with (
        open_sandbox(program, workers=workers, broker=broker, isolation=isolation) as session,
        contextlib.aclosing(session.solve(jobs)) as outcomes,
    ):
        async for outcome in outcomes:
            yield outcome


def _failed(job: Job, fault: Failure) -> Outcome:
    return Outcome(job.key, None, fault, 0.0, 0.0, "")


def _lost(job: Job) -> Outcome:
    return _failed(job, failure("infrastructure", "no outcome after every try"))
