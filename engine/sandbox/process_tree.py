"""A tree of processes, read from /proc."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path


def descendants(pid: int) -> Iterator[int]:
    """The living descendants of `pid`, parents first."""
    try:
        threads = list(Path(f"/proc/{pid}/task").iterdir())
    except OSError:
        return
    for thread in threads:
        try:
            children = (thread / "children").read_text().split()
        except OSError:
            continue
        for child in map(int, children):
            yield child
            yield from descendants(child)


def stop(pid: int, patience_s: float = 0.1) -> None:
    """Stops a process, and waits until it stands still: a signal reaches it only after the call that it is in."""
    until = time.monotonic() + patience_s
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGSTOP)
        while _state(pid) not in "TZX" and time.monotonic() < until:
            time.sleep(0.0005)


def is_stopped(pid: int) -> bool:
    """Whether a signal has stopped the process."""
    return _state(pid) == "T"


def _state(pid: int) -> str:
    """The state of the process as /proc gives it (proc_pid_stat(5)); `X` where it has gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "X"


def uid(pid: int) -> int:
    """The real uid of the process; raises OSError."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("Uid:")[2].split()[0])
