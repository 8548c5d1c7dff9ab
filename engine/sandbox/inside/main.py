"""The worker: prepares a harness once, then forks one child for each `solve`.

Processes: the first process (`first`) forks the worker, which imports the harness and runs `prepare`; the worker forks
a *slot*, which forks a child for each job, one after the other. Worker and slot only wait. From `prepare` on, harness
code shares the worker's process, so nothing here protects against it, and the host trusts nothing that it reads from
here.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from . import first, harness
from .context import Context
from .harness import Solve
from .limits import (
    become,
    changeable,
    die_with_parent,
    enter,
    forbid_new_privileges,
    guard,
    redirect,
    trim_memory,
    unguard,
)
from .sweep import empty, sweep, wait
from .wire import Channel, Limits, Line, Start, Work, encode

if TYPE_CHECKING:
    from .gateway.server import Gateway


def main(control_fd: int, uid: int | None) -> None:
    """Serves until the host closes the connection; changes from root to the user `uid` first."""
    control = Channel(socket.socket(fileno=control_fd))
    os.set_inheritable(control.fileno(), False)
    first.stay(control.fileno())
    if uid is not None:
        become(uid)
    os.umask(0o022)
    forbid_new_privileges()
    guard()
    # `prepare` would not notice that the engine has ended. Later the worker notices, and must live on to sweep.
    die_with_parent()
    sys.stdout.reconfigure(line_buffering=True, errors="backslashreplace")  # type: ignore[union-attr]
    control.send("ready")  # the host gets our pid from the kernel, and limits it before it replies
    start, (end, out) = control.receive(Start)
    prepared: list[Any] = []

    def prepare() -> None:
        ctx = _context(start, channel, start.seed)
        prepared.extend(harness.prepare(start.folder, start.entry, ctx, start.command, start.answer))

    scratch = Path(start.scratch, "prepare")
    redirect(out)
    enter(scratch, start.prepare, start.seed, last=False)
    channel = Channel(socket.socket(fileno=end))
    gateway = _open_gateway(start, channel)
    _report(channel, prepare, start, start.prepare, gateway)
    if gateway:
        gateway.close()  # its thread must not be there when processes are forked
    redirect(os.open(os.devnull, os.O_RDWR))
    channel.close()
    die_with_parent(enabled=False)
    sweep()
    os.chdir("/")
    empty(scratch)
    harness.seed_all(start.seed)  # imports numpy.random once instead of in every child
    # Objects that exist now are never collected, so children do not write to (and copy) their pages. Memory that
    # `prepare` has freed goes back to the system, or each fork would copy its page tables.
    gc.collect()
    gc.freeze()
    trim_memory()
    while True:
        try:
            number, (end,) = control.receive(int)
        except EOFError:
            sweep()
            os._exit(0)
        if os.fork() == 0:
            control.close()
            solve, value = prepared
            slot = Path(start.scratch, str(number))
            port = gateway.port if gateway else 0
            _serve_slot(start, Channel(socket.socket(fileno=end)), slot, solve, value, port)
        os.close(end)


def _context(start: Start, channel: Channel, seed: int, prepared: Any = None, line: Line | None = None) -> Context:
    inputs: dict[str, Any] = {"params": start.params, "folders": start.folders, "train": start.train}
    inputs |= {"tools": start.tools}
    return Context(channel.call, seed, **inputs, prepared=prepared, line=line)


def _open_gateway(start: Start, channel: Channel, port: int = 0) -> Gateway | None:
    """The gateway at `port`, which does not change: a client that was made in `prepare` finds it in each solve."""
    if not start.gateway:
        return None
    from .gateway.server import Gateway

    gateway = Gateway(channel.call, port)
    os.environ.update(gateway.environment)
    gateway.start()
    return gateway


def _serve_slot(start: Start, control: Channel, scratch: Path, solve: Solve, value: Any, port: int) -> NoReturn:
    """Runs jobs one after the other, each in its own child; reports a job when nothing of it is left."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    guard()
    before = changeable()
    control.send("ready")
    while True:
        try:
            work, fds = control.receive(Work | None)
            if work is None:  # an order to stop a job that has just ended by itself
                continue
            end, out, *line = fds
            empty(scratch)
            empty(scratch.with_name("prepare"))
            pid = os.fork()
            if pid == 0:
                control.close()
                channel = Channel(socket.socket(fileno=end))
                _solve(start, work, channel, out, line, scratch=scratch, solve=solve, value=value, port=port)
            for fd in fds:
                os.close(fd)
            wait(pid, control)
            status, cpu_s = sweep(pid)
            empty(scratch)
            control.send([status, cpu_s, changeable() == before])
        except (EOFError, OSError):  # the engine has ended
            sweep()
            os._exit(0)


def _solve(
    start: Start,
    work: Work,
    channel: Channel,
    out: int,
    line: list[int],
    *,
    scratch: Path,
    solve: Solve,
    value: Any,
    port: int,
) -> NoReturn:
    try:
        unguard()
        die_with_parent()
        redirect(out)
        gateway = _open_gateway(start, channel, port)
        enter(scratch, start.solve, work.seed, last=True)
        ctx = _context(start, channel, work.seed, value, Line(*line) if line else None)
        _report(channel, lambda: solve(work.instance, ctx), start, start.solve, gateway)
    finally:
        os._exit(0)


def _report(channel: Channel, run: Callable[[], Any], start: Start, limits: Limits, gateway: Gateway | None) -> None:
    """Sends what `run` returns, or how it failed; the traceback goes to stderr, which is the log.

    A failure right after the gateway has refused a call is one of that call: an SDK raises exceptions of its own.
    """
    try:
        frame = encode(["answer", run()])
        _check_size(frame, limits)
    except BaseException as error:  # anything that a harness raises is its failure, SystemExit included
        kind, message = harness.describe_failure(error, start.folder)
        if kind == "candidate" and gateway and gateway.refused:
            kind = "model"
        channel.send(["raised", kind, message[:4096].encode("utf-8", "replace").decode()])
    else:
        channel.send_bytes(frame)
    sys.stdout.flush()
    sys.stderr.flush()


def _check_size(frame: bytes, limits: Limits) -> None:
    if len(frame) > limits.answer_bytes:
        raise ValueError(f"the answer takes {len(frame)} bytes, more than the {limits.answer_bytes} allowed")
