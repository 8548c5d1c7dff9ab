"""What a tree of processes uses, read from outside in /proc: the part of the limits that nothing inside can patch."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


class TreeUsage(NamedTuple):
    """CPU seconds of the living and of the dead they have reaped; the living processes."""

    cpu_s: float
    processes: list[int]


def usage(pid: int) -> TreeUsage:
    """CPU of `pid` and its descendants so far, and which processes the descendants are."""
    pids = list(descendants(pid))
    return TreeUsage(sum(map(cpu_s, pids)) + cpu_s(pid), pids)


def descendants(pid: int) -> Iterator[int]:
    """The descendants of `pid` that live, parents first."""
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
    """Bytes of memory that the process has in RAM, shared pages included."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    except (OSError, IndexError):
        return 0


def proportional(pid: int) -> int:
    """The same with a shared page divided among those who share it; slower, and exact over a tree."""
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
