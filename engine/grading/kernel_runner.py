"""The kernel runner: runs answers that are programs, each in a sandbox, and times them from the grading process.

The sandboxes belong to an event loop in its own thread, which watches limits while the grader waits for a reply.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import hashlib
import mmap
import os
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from typing import Any, TypeVar

import msgspec

from domains.contract import Compared, Device, Guest, GuestFailed
from engine.compute import ceilings_cache, devices, gpu_use, interference, timing
from engine.compute.patience import Patience, Say
from engine.grading.live import Line, line_ends
from engine.sandbox import DiedError, Isolation, Job, NoBroker, Outcome, Program, Sandbox, StartError, probe

T = TypeVar("T")
START_S = 120.0
STOP_S = 2.0
ROOMS = 4
"""How many prepared sandboxes are kept; the least recently used one is closed first."""


class SandboxedKernelRunner:
    """A `domains.contract.KernelRunner`. Without an `isolation` it probes what this machine offers.

    Timings wait at most `patience_s` for a quiet machine, and say so by `say`.
    """

    def __init__(
        self, isolation: Isolation | None, patience_s: float = 0.0, say: Say = lambda text, waits_s: None
    ) -> None:
        self._isolation = isolation
        self._patience = Patience(patience_s, lambda: interference.is_quiet(self._reader()), say)
        self._patience_on_gpu = Patience(patience_s, lambda: not gpu_use.of_others(), say)
        self._lines: list[Line] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._rooms: dict[str, Sandbox] = {}
        self._device: Device | None = None
        self._serial = 0

    def device(self) -> Device:
        """See `domains.contract.KernelRunner`."""
        self._device = self._device or ceilings_cache.load_or_measure()
        return self._device

    def compare(
        self, fresh: Callable[[], None], a: Callable[[], float], b: Callable[[], float], blocks: int
    ) -> Compared:
        """See `domains.contract.KernelRunner`."""
        return timing.compare(fresh, a, b, blocks, self._reader(), self._patience)

    def others_on_gpu(self, *, wait: bool) -> str:
        """See `domains.contract.KernelRunner`."""
        if (found := gpu_use.of_others()) and wait and self._patience_on_gpu.wait(found):
            found = ""
        if not found:
            self._patience_on_gpu.renew()
        return found

    def _reader(self) -> interference.Reader:
        return interference.Reader(lambda: [pid for line in self._lines for pid in line.pids()])

    def close(self) -> None:
        """Closes every sandbox."""
        for name in list(self._rooms):
            self._drop(name)

    @contextlib.contextmanager
    def open(self, guest: Guest) -> Iterator[Line]:
        """See `domains.contract.KernelRunner`."""
        name = _room(guest)
        box = self._room(name, guest)
        memory = os.memfd_create("kernel-runner", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        ours, theirs = line_ends()
        try:
            os.ftruncate(memory, max(1, guest.memory_bytes))
            # a guest that made it smaller would end this process by SIGBUS
            fcntl.fcntl(memory, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
            shared = mmap.mmap(memory, 0)
            self._serial += 1
            job = Job(str(self._serial), str(self._serial), guest.data, 0, (theirs.fileno(), memory))
            running = self._start(_run(box, job))
            line = Line(ours, shared, running)
            try:
                line.greet(START_S)
                theirs.close()
                self._lines.append(line)
                yield line
                line.check()
            finally:
                if line in self._lines:
                    self._lines.remove(line)
                if not line.dismiss(STOP_S if box.cause is None else 0.0) or box.cause is not None:
                    self._drop(name)
                line.close()
        finally:
            theirs.close()
            os.close(memory)

    def _room(self, name: str, guest: Guest) -> Sandbox:
        box = self._rooms.pop(name, None)
        if box is None:
            while len(self._rooms) >= ROOMS:
                self._drop(next(iter(self._rooms)))
            box = self._wait(self._prepare(guest))
        self._rooms[name] = box
        return box

    async def _prepare(self, guest: Guest) -> Sandbox:
        nodes = devices.nodes() if guest.gpu else ()
        program = Program(guest.files, guest.entry, limits=guest.limits, devices=nodes)
        isolation = self._isolation
        if isolation is None:
            isolation = self._isolation = await asyncio.to_thread(probe)
        if isolation.mode == "none":
            raise GuestFailed("infrastructure", "this machine offers no sandbox to run a kernel in")
        try:
            box = await Sandbox.start(program, isolation, NoBroker())
        except StartError as error:
            raise GuestFailed("infrastructure", f"the sandbox did not start: {error}") from None
        if fault := box.prepared.failure:
            await box.close()
            raise GuestFailed(fault.kind, fault.message)
        return box

    def _drop(self, name: str) -> None:
        self._wait(self._rooms.pop(name).close())

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        return self._start(work).result()

    def _start(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            # sandboxes die with the thread that started them; this thread lives as long as the process
            threading.Thread(target=self._loop.run_forever, name="kernel-runner", daemon=True).start()
        return asyncio.run_coroutine_threadsafe(work, self._loop)


async def _run(box: Sandbox, job: Job) -> Outcome:
    try:
        return (await box.run(job)).outcome
    except DiedError as death:
        return Outcome(job.key, None, death.cause, 0.0, 0.0, "")


def _room(guest: Guest) -> str:
    """A key, equal for guests that may share a prepared sandbox."""
    files = {path: hashlib.sha256(content).hexdigest() for path, content in sorted(guest.files.items())}
    return hashlib.sha256(msgspec.json.encode([files, guest.entry, guest.room, guest.limits, guest.gpu])).hexdigest()
