"""A running guest of the kernel runner: it gets orders and replies to them, and is stopped between orders.

The clock stops when every process of the guest is stopped, not when the guest replies. So a reply before the work is
done gains nothing: work that is unfinished at that moment stays unfinished. Everything that a guest sends is untrusted.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import select
import signal
import socket
import time
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import msgspec

from domains.contract import GuestFailed, Reply
from engine.sandbox import Failure, Outcome
from engine.sandbox import process_tree as processes
from engine.sandbox.channel import receive_from
from engine.sandbox.inside import frames
from engine.sandbox.messages import no_extension

MOST_BYTES = 1 << 20
STILL_S = 5.0
_YIELD_S = 1e-5
"""Pause between checks: a thread needs a processor to stop, and a busy-waiting host takes it away for milliseconds."""


def line_ends() -> tuple[socket.socket, socket.socket]:
    """The host's and the guest's end; the kernel reports the sender on the guest's end from the first byte."""
    ours, theirs = socket.socketpair()
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)  # before the guest can greet
    return ours, theirs


class Line:
    """The host's end of a line to a guest. `job` gives the guest's outcome once it has ended."""

    def __init__(self, end: socket.socket, memory: mmap.mmap, job: Future[Outcome]) -> None:
        self.memory = memoryview(memory)
        self._end, self._job = end, job
        self._end_signal, self._wake = os.pipe()
        self._poll = select.poll()
        for descriptor in (end.fileno(), self._end_signal):
            self._poll.register(descriptor, select.POLLIN)
        job.add_done_callback(lambda _: self._signal_end())
        self._pid = 0

    def greet(self, wall_s: float) -> None:
        """Waits until the guest has its line, and gets its pid from the kernel."""
        self._wait(time.monotonic() + wall_s)
        head, self._pid = receive_from(self._end, frames.HEAD)
        self._end.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 0)
        until = time.monotonic() + wall_s
        self._exactly(_size(head + self._exactly(frames.HEAD - len(head), until)), until)
        if not self._pid:
            raise GuestFailed("infrastructure", "the kernel did not report the sender on the line")
        self._slot_pid = _parent(self._pid)
        self._stop()

    def ask(self, order: Any, wall_s: float) -> Reply:
        """See `domains.contract.Live`."""
        frame = frames.pack(msgspec.msgpack.encode(order))
        self._resume()
        started = time.monotonic()
        try:
            self._end.sendall(frame)
        except OSError:
            raise self._failure("closed the line") from None
        until = started + wall_s
        body = self._exactly(_size(self._exactly(frames.HEAD, until)), until)
        self._stop()
        stopped = time.monotonic()
        try:
            value = msgspec.msgpack.decode(body, ext_hook=no_extension)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            raise GuestFailed("candidate", "spoke no MessagePack on the line") from None
        return Reply(value, stopped - started)

    def dismiss(self, wall_s: float) -> bool:
        """Tells the guest to return; False if it did not."""
        if self._pid:
            with contextlib.suppress(OSError):
                self._resume()
                self._end.sendall(frames.pack(msgspec.msgpack.encode(None)))
        with contextlib.suppress(Exception):  # its outcome no longer matters
            self._job.result(wall_s)
        return self._job.done()

    def close(self) -> None:
        """Closes the host's end."""
        self._end.close()
        self._job.add_done_callback(lambda _: self._free())

    def _free(self) -> None:
        os.close(self._wake)
        os.close(self._end_signal)

    def _signal_end(self) -> None:
        with contextlib.suppress(OSError):
            os.write(self._wake, b"!")

    def _wait(self, until: float) -> None:
        ready = dict(self._poll.poll(max(0.0, until - time.monotonic()) * 1000))
        if not ready:
            raise GuestFailed("timeout", "did not answer in time")
        if self._end.fileno() not in ready:
            raise self._failure("ended before it had answered")

    def _exactly(self, size: int, until: float) -> bytes:
        data = bytearray()
        while len(data) < size:
            self._wait(until)
            try:
                part = self._end.recv(size - len(data))
            except OSError:
                part = b""
            if not part:
                raise self._failure("closed the line")
            data += part
        return bytes(data)

    def _failure(self, message: str) -> GuestFailed:
        """Why the guest ended, as the sandbox reports it; `message` if it reports no failure."""
        try:
            outcome = self._job.result(STILL_S)
        except Exception:  # the sandbox itself died, or the guest closed its line and still runs
            return GuestFailed("candidate", message)
        fault: Failure | None = outcome.failure
        return GuestFailed(fault.kind, fault.message) if fault else GuestFailed("candidate", message)

    def _stop(self) -> None:
        """Stops every process of the guest; returns when all are stopped."""
        until = time.monotonic() + STILL_S
        seen: set[int] = set()
        found = {self._pid}
        while found:
            for pid in found:
                _signal(pid, signal.SIGSTOP)
            for pid in found:
                while not _is_stopped(pid):
                    if time.monotonic() > until:
                        raise GuestFailed("candidate", "could not be stopped")
                    time.sleep(_YIELD_S)
            seen |= found
            found = set(processes.descendants(self._slot_pid)) - seen

    def _resume(self) -> None:
        for pid in processes.descendants(self._slot_pid):
            _signal(pid, signal.SIGCONT)


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _is_stopped(pid: int) -> bool:
    """Whether no thread of the process can run: each is stopped or has ended."""
    try:
        threads = os.listdir(f"/proc/{pid}/task")  # noqa: PTH208 - names only, many times a second
    except OSError:
        return True
    for thread in threads:
        try:
            with open(f"/proc/{pid}/task/{thread}/stat", "rb") as file:  # noqa: PTH123
                state = file.read().rpartition(b")")[2].split(None, 1)[0]
        except OSError:
            continue
        if state not in (b"T", b"t", b"Z", b"X"):
            return False
    return True


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return pid


def _size(head: bytes) -> int:
    if (size := frames.size(head)) > MOST_BYTES:
        raise GuestFailed("candidate", f"sent a frame of {size} bytes")
    return size
