"""What others use of the processors while a program is timed, as the kernel counts it.

Two counts, both taken while only programs run that we trust, so that no candidate can raise or lower them:

- what all processors did (/proc/stat, proc_stat(5)), with what a hypervisor took of them (steal), less what we used
  ourselves. Its resolution is a clock tick. In a container it is the machine's, or under LXCFS the container's;
- how long our threads could have run and had no processor (schedstat, to the nanosecond; without it, their involuntary
  switches). It sees whoever is in the way, also another container that is not in /proc/stat.
"""

from __future__ import annotations

import contextlib
import math
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

LIMIT = 0.05
"""The share of the processors, or of the own time, that others may take. The median over pairs is not moved by it."""
START_S = 1e-3
"""What starting and stopping a program may make its threads wait in each call: who starts it needs a processor, too."""
SWITCH_S = 1e-3
"""The least that an involuntary switch costs, where the kernel does not count the time that threads wait."""
SAMPLE_S = 0.5
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_BUSY = (0, 1, 2, 5, 6, 7)
"""user, nice, system, irq, softirq and steal, as fields of /proc/stat; the time of virtual machines is in the first."""


class Counts(NamedTuple):
    """Seconds: of the clock, of all processors at work or taken away, and of what we used ourselves.

    `ran_s` and `waited_s` are those of the threads of programs that are timed; `own_s` is the process's that times.
    """

    at_s: float = 0.0
    busy_s: float = 0.0
    own_s: float = 0.0
    ran_s: float = 0.0
    waited_s: float = 0.0

    def plus(self, since: Counts, until: Counts) -> Counts:
        """These and what passed from `since` to `until`."""
        return Counts(*(mine + end - start for mine, start, end in zip(self, since, until, strict=True)))


class Reader:
    """Reads the counts; `pids` gives the processes of the programs that are timed.

    Threads that have ended keep what they had: when a candidate's are cleared away is no time of others.
    """

    def __init__(self, pids: Callable[[], Iterable[int]] = tuple, stat: str = "/proc/stat") -> None:
        self._pids, self._stat = pids, stat
        self._threads: dict[str, tuple[float, float]] = {}

    def __call__(self) -> Counts:
        """The counts of now."""
        for pid in self._pids():
            self._threads |= _of_threads(pid)
        ran_s = math.fsum(ran for ran, _ in self._threads.values())
        waited_s = math.fsum(waited for _, waited in self._threads.values())
        busy = busy_s(Path(self._stat).read_bytes(), _processors())
        return Counts(time.monotonic(), busy, time.process_time(), ran_s, waited_s)


def is_quiet(read: Callable[[], Counts], sleep: Callable[[float], None] = time.sleep) -> bool:
    """A sample of what others use, while nothing of ours runs."""
    since = read()
    sleep(SAMPLE_S)
    return share_of_others(Counts().plus(since, read()), 1) <= LIMIT


def busy_s(stat: bytes, processors: frozenset[int]) -> float:
    """What `processors` did, and what was taken of them, since the start, out of the contents of /proc/stat."""
    ticks = 0
    for line in stat.splitlines():
        name, *fields = line.split()
        if not name.startswith(b"cpu"):
            break
        if name != b"cpu" and int(name[3:]) in processors:
            ticks += sum(int(fields[at]) for at in _BUSY if at < len(fields))
    return ticks * _TICK_S


def share_of_others(spent: Counts, windows: int) -> float:
    """The share of the processors that others surely used in `spent`, which is the sum of so many windows.

    Each end of a window is known to a tick of each processor: twice the standard error of that is left out.
    """
    processors = len(_processors())
    error_s = 2 * _TICK_S * math.sqrt(windows * processors / 6)
    others_s = spent.busy_s - spent.own_s - spent.ran_s - error_s
    return max(0.0, others_s / (spent.at_s * processors)) if spent.at_s > 0 else 0.0


def share_waited(spent: Counts, calls: int) -> float:
    """The share of its time in which a program that was called so often surely waited for a processor."""
    wanted_s = spent.ran_s + spent.waited_s
    return max(0.0, (spent.waited_s - calls * START_S) / wanted_s) if wanted_s > 0 else 0.0


def _processors() -> frozenset[int]:
    return frozenset(os.sched_getaffinity(0))


def _of_threads(pid: int) -> dict[str, tuple[float, float]]:
    """Seconds in which each thread of a process ran, and in which it waited for a processor."""
    found = {}
    with contextlib.suppress(OSError):  # it ends
        for thread in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208 - names only, many times a second
            found[thread] = _of_thread(f"/proc/{pid}/task/{thread}")
    return found


def _of_thread(thread: str) -> tuple[float, float]:
    with contextlib.suppress(FileNotFoundError):
        ran, waited, _ = Path(f"{thread}/schedstat").read_bytes().split()
        return int(ran) / 1e9, int(waited) / 1e9
    fields = Path(f"{thread}/stat").read_text().rpartition(")")[2].split()
    switches = Path(f"{thread}/status").read_text().rpartition("nonvoluntary_ctxt_switches:")[2]
    return (int(fields[11]) + int(fields[12])) * _TICK_S, int(switches) * SWITCH_S
