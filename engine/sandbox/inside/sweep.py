"""Cleans up after a job: kills and reaps its descendants, and empties the scratch folders."""

from __future__ import annotations

import contextlib
import os
import select
import signal
from collections.abc import Iterator
from pathlib import Path

from .wire import Channel


def wait(pid: int, control: Channel) -> None:
    """Returns when the child has ended, or the host has ordered its end or closed the connection."""
    child = os.pidfd_open(pid)
    try:
        poll = select.poll()
        poll.register(child, select.POLLIN)
        poll.register(control.fileno(), select.POLLIN)
        if child not in dict(poll.poll()):
            control.receive()
    finally:
        os.close(child)


def sweep(pid: int = -1) -> tuple[int, float]:
    """Kills and reaps every descendant; returns the wait status of `pid` and the CPU seconds of them all."""
    status, cpu_s = 0, 0.0
    while True:
        # stopped processes cannot fork: without this a fork bomb would be faster than the killing
        seen: set[int] = set()
        while found := set(_descendants(os.getpid())) - seen:
            _signal(found, signal.SIGSTOP)
            seen |= found
        _signal(seen, signal.SIGKILL)
        try:
            # an orphan may be adopted just after the listing: the next round finds it
            ended, code, usage = os.wait4(-1, 0 if seen else os.WNOHANG)
        except ChildProcessError:
            return status, cpu_s
        cpu_s += usage.ru_utime + usage.ru_stime
        if ended == pid:
            status = code


def _signal(pids: set[int], number: int) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def _descendants(pid: int) -> Iterator[int]:
    for thread in Path(f"/proc/{pid}/task").glob("*"):
        with contextlib.suppress(OSError):
            for child in map(int, (thread / "children").read_text().split()):
                yield child
                yield from _descendants(child)


def empty(folder: Path) -> None:
    """Empties `folder`, whatever its modes and however deep it is: nested entries are moved up first."""
    with contextlib.suppress(OSError):
        folder.chmod(0o700)  # it may be root's, and nobody cannot change its mode
    moved = 0
    while entries := list(os.scandir(folder)):
        for entry in entries:
            path = Path(entry.path)
            with contextlib.suppress(FileNotFoundError):
                if not entry.is_dir(follow_symlinks=False):
                    path.unlink()
                    continue
                path.chmod(0o700)
                for inner in os.scandir(path):
                    moved += 1
                    if inner.is_dir(follow_symlinks=False):
                        Path(inner.path).chmod(0o700)  # a folder that moves is written to
                    Path(inner.path).rename(folder / f".emptied-{os.getpid()}-{moved}")
                path.rmdir()
