"""Runs jobs in sandboxes, one for each job that runs at once: replaces one that dies, and runs unclear jobs once more.

So many jobs as there are workers compute at once. While some of them wait for a model, further ones are started.

Outcomes do not depend on the order in which jobs finish, or on how many run at once: a job that fails while another
one exhausts the machine runs again, alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable
from typing import Protocol

from engine.errors import SiaError
from engine.failure import Failure
from engine.sandbox.isolation import Isolation
from engine.sandbox.places import Places, memory_is_left
from engine.sandbox.program import Broker, Job, Outcome, Preparation, Program, failure
from engine.sandbox.sandbox import DiedError, JobResult, Sandbox
from engine.sandbox.sandbox_process import StartError

TRIES = 4  # the first and three more
BACK_OFF_S = 0.1
LEAST_WAIT_S = 0.05


class Box(Protocol):
    """What a session uses of a sandbox."""

    prepared: Preparation
    cause: Failure | None

    async def run(self, job: Job) -> JobResult:
        """As `Sandbox.run`."""
        ...

    async def close(self) -> None:
        """Kills every process inside."""
        ...


Start = Callable[[Program, Isolation, Broker], Awaitable[Box]]
"""As `Sandbox.start`."""
Room = Callable[[], bool]
"""Whether a further call of the model would be sent at once."""


class Session:
    """A prepared harness (see `open_sandbox`); `prepared` is the outcome of its first `prepare`."""

    def __init__(
        self, program: Program, workers: int, broker: Broker, isolation: Isolation, start: Start, room: Room
    ) -> None:
        self._program, self._workers, self._isolation = program, workers, isolation
        self._places = Places(workers, broker)
        self._start_box, self._room = start, room
        self._boxes: dict[int, Box] = {}
        self._idle: list[Box] = []
        self._running: set[str] = set()
        self._disturbed: set[str] = set()
        self._start_s = 0.0
        self._fault: Failure | None = None
        self.prepared = Preparation(None, 0.0, 0.0, "")

    async def open(self) -> None:
        """Starts and prepares the first sandbox."""
        began = time.monotonic()
        box, self.prepared = await self._start()
        self._start_s = time.monotonic() - began
        if box:
            self._idle.append(box)
        else:
            self._fault = self.prepared.failure

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
            if number >= self._workers:
                if not self._single and not await self._add_box():
                    return
            elif number and number >= len(self._boxes) and not self._single and not await self._widen():
                return
            while queue:
                job = queue.popleft()
                if (outcome := await self._solve(job, alone=False)) is None:
                    retries.append(job)
                else:
                    done.put_nowait(outcome)

        lanes = [asyncio.create_task(lane(number)) for number in range(min(self._workers, len(queue)))]
        further = asyncio.create_task(self._wait_for_room())
        try:
            left = set(lanes)
            while left and (queue or self._running):  # a lane that has not begun by then is not needed
                ended, _ = await asyncio.wait({*left, further}, return_when=asyncio.FIRST_COMPLETED)
                for task in ended:
                    task.result()
                if further.done():
                    lanes += [asyncio.create_task(lane(len(lanes)))] if queue else []
                    further = asyncio.create_task(self._wait_for_room())
                left = {task for task in lanes if not task.done()}
            await _cancel(left)
            for job in sorted(retries, key=lambda job: job.key):
                done.put_nowait(await self._solve(job, alone=True) or _lost(job))
        finally:
            await _cancel({*lanes, further})
            done.put_nowait(None)

    async def _wait_for_room(self) -> None:
        """Returns when a further sandbox would be used: jobs wait for a model that would take another call."""
        while True:
            await self._places.left_for(max(self._start_s, LEAST_WAIT_S))
            if self._room() and memory_is_left():
                return

    async def _widen(self) -> bool:
        """Adds a sandbox once the work has lasted as long as a start takes: most work ends before."""
        await asyncio.sleep(self._start_s)
        return await self._add_box()

    async def _add_box(self) -> bool:
        box, _ = await self._start()
        if box:
            self._idle.append(box)
        return box is not None

    async def _solve(self, job: Job, *, alone: bool) -> Outcome | None:
        """The outcome of a job; None if it must run once more, alone."""
        self._running.add(job.key)
        try:
            async with self._places.hold(job.key):
                return await self._solve_in_place(job, alone=alone)
        finally:
            self._running.discard(job.key)

    async def _solve_in_place(self, job: Job, *, alone: bool) -> Outcome | None:
        for attempt in range(TRIES):
            box = await self._take()
            if isinstance(box, Failure):
                return _failed(job, box)
            try:
                outcome, retry = await box.run(job)
            except DiedError as death:
                outcome, retry = _failed(job, death.cause), death.unclear or self._isolation.mode == "unsafe"
            await self._put_back(box)
            fault = outcome.failure
            if fault is None or fault.kind != "infrastructure":
                break
            await asyncio.sleep(BACK_OFF_S * 4**attempt)
        if fault and fault.kind == "resource":
            self._disturbed |= self._running - {job.key}
        return None if not alone and (retry or (fault and job.key in self._disturbed)) else outcome

    @property
    def _single(self) -> bool:
        return self._program.isolation == "instance"

    async def _take(self) -> Box | Failure:
        """A sandbox in which nothing runs, or the failure of every job."""
        if self._fault or self._idle:
            return self._fault or self._idle.pop()
        box, prepared = await self._start()
        self._fault = prepared.failure
        return box or prepared.failure or failure("infrastructure", "no sandbox")

    async def _put_back(self, box: Box) -> None:
        if self._single or box.cause is not None:
            await self._drop(box)
        else:
            self._idle.append(box)

    async def _start(self) -> tuple[Box | None, Preparation]:
        """A prepared sandbox, or None; and how `prepare` ended."""
        message = ""
        for attempt in range(TRIES):
            try:
                box = await self._start_box(self._program, self._isolation, self._places)
            except StartError as error:
                message = str(error)
                await asyncio.sleep(BACK_OFF_S * 4**attempt if attempt < TRIES - 1 else 0)
                continue
            self._boxes[id(box)] = box
            if box.prepared.failure is None:
                return box, box.prepared
            await self._drop(box)
            return None, box.prepared
        fault = failure("infrastructure", f"the sandbox did not start: {message}")
        return None, Preparation(fault, 0.0, 0.0, "")

    async def _drop(self, box: Box) -> None:
        if self._boxes.pop(id(box), None) is not None:
            await box.close()


@contextlib.asynccontextmanager
async def open_sandbox(
    program: Program,
    *,
    workers: int,
    broker: Broker,
    isolation: Isolation,
    start: Start = Sandbox.start,
    room: Room = lambda: False,
) -> AsyncIterator[Session]:
    """A prepared harness that computes for up to `workers` jobs at once; all its processes are killed at the end.

    Further jobs run while some wait for a call, and `room` says that the model would take another one.

    Raises `SiaError` if this machine offers no sandbox. Enter it from a thread that outlives it: the sandbox dies with
    the thread that started it.
    """
    if isolation.mode == "none":
        raise SiaError(
            "this machine offers no sandbox to run a harness in",
            "`sia doctor` says what is missing; --unsafe-no-sandbox runs harnesses without one",
        )
    session = Session(program, max(1, workers), broker, isolation, start, room)
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


async def _cancel(tasks: set[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _failed(job: Job, fault: Failure) -> Outcome:
    return Outcome(job.key, None, fault, 0.0, 0.0, "")


def _lost(job: Job) -> Outcome:
    return _failed(job, failure("infrastructure", "no outcome after every try"))
