"""What a process tree uses, read from /proc outside the sandbox, where no code inside can change it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


class TreeUsage(NamedTuple):
    """CPU seconds of the living processes and of those they have reaped; the living processes."""

    cpu_s: float
    processes: list[int]


def usage(pid: int) -> TreeUsage:
    """The CPU seconds of `pid` and its descendants so far, and the pids of the descendants."""
    pids = list(descendants(pid))
    return TreeUsage(sum(map(cpu_s, pids)) + cpu_s(pid), pids)


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


def resident(pid: int) -> int:
    """The bytes of the process in RAM, including shared pages."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    except (OSError, IndexError):
        return 0


def proportional(pid: int) -> int:
    """The same with each shared page divided among its users: slower, and exact in the sum over a tree."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) << 10
    except OSError:
        pass
    return resident(pid)


def cpu_s(pid: int) -> float:
    """CPU seconds of one process and of the children it has reaped."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / _TICKS  # utime, stime, cutime, cstime
