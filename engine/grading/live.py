"""A running guest of the kernel runner: it gets orders and replies to them, and is stopped between orders.

The clock stops when every process of the guest is stopped, not when the guest replies. So a reply before the work is
done gains nothing: work that is unfinished at that moment stays unfinished. A timer or another process of the guest can
continue a stopped one, so before each order and at the end the guest must not have run since it was stopped: each
thread is stopped, and as often switched as then. Everything that a guest sends is untrusted.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import select
import signal
import socket
import time
from collections.abc import Mapping
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

_Switches = dict[int, dict[str, int]]
MOST_BYTES = 1 << 20
STILL_S = 5.0
_STOPPED, _ENDED = (b"T", b"t"), (b"Z", b"X")
"""States of threads, see proc_pid_status(5)."""
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
        self._still: _Switches = {}

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
        self.check()
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

    def check(self) -> None:
        """Raises `GuestFailed` if anything of the guest has run since it was stopped."""
        now = {pid: _switches(pid) for pid in [*processes.descendants(self._slot_pid)]}
        # one that had ended by then may have left the table since
        if not now.keys() <= self._still.keys() or _alive(now) != _alive(self._still):
            raise self._failure("ran on after it had been stopped")

    def pids(self) -> list[int]:
        """The guest's processes."""
        return list(processes.descendants(self._slot_pid)) if self._pid else []

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
        self._still, found = {}, {self._pid}
        while found:
            for pid in found:
                _signal(pid, signal.SIGSTOP)
            for pid in found:
                while (seen := _switches(pid)) is None:
                    if time.monotonic() > until:
                        raise GuestFailed("candidate", "could not be stopped")
                    time.sleep(_YIELD_S)
                self._still[pid] = seen
            found = set(processes.descendants(self._slot_pid)) - set(self._still)

    def _resume(self) -> None:
        for pid in processes.descendants(self._slot_pid):
            _signal(pid, signal.SIGCONT)


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _switches(pid: int) -> dict[str, int] | None:
    """How often each stopped thread of the process was switched; None while one is neither stopped nor ended."""
    found = dict[str, int]()
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208 - names only, many times a second
            with contextlib.suppress(OSError):
                state, switches = _switched(f"/proc/{pid}/task/{thread}")
                if state not in _STOPPED + _ENDED:
                    return None
                if state in _STOPPED:
                    found[thread] = switches
    return found


def _alive(seen: Mapping[int, dict[str, int] | None]) -> dict[int, dict[str, int] | None]:
    """What was seen of the processes that had not ended."""
    return {pid: switches for pid, switches in seen.items() if switches != {}}


def _switched(thread: str) -> tuple[bytes, int]:
    """The state of a thread, and how often it was switched."""
    status = _read(f"{thread}/status")
    if _state(status) not in _STOPPED:
        return _state(status), 0
    # It calls itself stopped before it has left its processor, which is one more switch. The kernel waits for that
    # here. Where tracing is forbidden, there is no telling, and states alone count.
    try:
        _read(f"{thread}/syscall")
    except PermissionError:
        return _state(status), 0
    status = _read(f"{thread}/status")
    counts = status.rpartition(b"\nvoluntary_ctxt_switches:")[2].split()
    return _state(status), int(counts[0]) + int(counts[2])


def _state(status: bytes) -> bytes:
    return status.partition(b"\nState:\t")[2][:1]


def _read(path: str) -> bytes:
    """A small file of /proc, several times as fast as `open` does it."""
    file = os.open(path, os.O_RDONLY)
    try:
        return os.read(file, 1 << 13)
    finally:
        os.close(file)


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return pid


def _size(head: bytes) -> int:
    if (size := frames.size(head)) > MOST_BYTES:
        raise GuestFailed("candidate", f"sent a frame of {size} bytes")
    return size
