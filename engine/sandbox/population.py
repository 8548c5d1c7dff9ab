"""All processes of one sandbox and what they use, read in /proc from outside, by a mark that they cannot remove.

With bubblewrap that is their pid namespace: the /proc inside lists every process of it, whatever its parent is.
Without a sandbox it is their descent from the worker, which adopts orphans. Numbers of processes are those inside.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from engine.sandbox import process_tree

_TICKS = os.sysconf("SC_CLK_TCK")
_SHARED = ("/dev/zero", "/memfd:")


class _Cpu(NamedTuple):
    """CPU seconds of a process, and those of the children that it has reaped."""

    own: float
    reaped: float


class _Mappings(NamedTuple):
    """The shared mappings of a process when they were read, and its virtual size then."""

    size: str
    at_s: float
    found: list[tuple[str, int]]


class Population:
    """The processes of a sandbox. The first are those that the engine has started; see `settle`."""

    def __init__(self, worker: int, *, contained: bool) -> None:
        self._worker = worker
        self._contained = contained
        place = Path("/proc", str(worker), "root", "proc") if contained else Path("/proc")
        self._proc = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
        self._seen: dict[tuple[int, str], _Cpu] = {}
        self._lost_s = 0.0
        self._mappings: dict[int, _Mappings] = {}
        self._first: set[int] = set()
        self._first_bytes = self._shared_bytes = 0
        self.settle(self.pids())

    def settle(self, first: Iterable[int]) -> None:
        """Counts these processes among the first, and what they use now as what they may use."""
        self._first.update(first)
        self._first_bytes, self._shared_bytes = self.anonymous(self._first), self.shared(self.pids())

    def inside(self, pid: int) -> int:
        """The number of a process inside, from its number outside."""
        if not self._contained:
            return pid
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("NSpid:"):
                return int(line.split()[-1])
        return 0

    def pids(self) -> list[int]:
        """The numbers of all living processes, zombies included."""
        if not self._contained:
            return [self._worker, *process_tree.descendants(self._worker)]
        with contextlib.suppress(OSError):
            return [int(entry.name) for entry in os.scandir(self._proc) if entry.name.isdigit()]
        return []

    def others(self) -> list[int]:
        """The processes that are not among the first."""
        return [pid for pid in self.pids() if pid not in self._first]

    def left_behind(self) -> bool:
        """Whether any thread of the others still runs."""
        return any(self._running(thread) for pid in self.others() for thread in self._threads(pid))

    def cpu_s(self) -> float:
        """CPU seconds of all processes so far, to a hundredth.

        Once a process has ended whose parent ignores SIGCHLD, no other process accounts for its seconds: what was seen
        of them is added.
        """
        now = dict(filter(None, map(self._cpu, self.pids())))
        ended = sum(sum(cpu) for process, cpu in self._seen.items() if process not in now)
        reaped = sum(cpu.reaped - self._seen.get(process, _Cpu(0.0, 0.0)).reaped for process, cpu in now.items())
        self._lost_s += max(0.0, ended - reaped)
        self._seen = now
        return self._lost_s + sum(map(sum, now.values()))

    def memory(self, *, exactly: bool) -> int:
        """Bytes of private memory in RAM and swap, and of shared memory, above what the first used at `settle`.

        Unless `exactly`, which is slower, a page that several processes share is counted for each.
        """
        others = self.others()
        private = self._proportional(others) if exactly else self.anonymous(others)
        grown = max(0, self.anonymous(self._first) - self._first_bytes)
        return private + grown + max(0, self.shared([*others, *self._first]) - self._shared_bytes)

    def anonymous(self, pids: Iterable[int]) -> int:
        """Bytes of their private memory in RAM and swap."""
        threads = map(self._thread, pids)
        return sum(_kilobytes(self._read(thread, "status"), "RssAnon:", "VmSwap:") << 10 for thread in threads)

    def _proportional(self, pids: Iterable[int]) -> int:
        threads = map(self._thread, pids)
        return sum(_kilobytes(self._read(thread, "smaps_rollup"), "Pss_Anon:", "SwapPss:") << 10 for thread in threads)

    def shared(self, pids: Iterable[int]) -> int:
        """Bytes of the shared memory that is in no file system: all of a mapping, since a page that its user has let
        go of stays; and of a memory file what it holds."""
        sizes: dict[str, int] = {}  # by inode: there is one file system of them
        for pid in pids:
            files = (found for thread in self._threads(pid) for found in self._memory_files(thread))
            for inode, size in (*self._shared_mappings(self._thread(pid)), *files):
                sizes[inode] = max(sizes.get(inode, 0), size)
        return sum(sizes.values())

    def _shared_mappings(self, pid: int) -> list[tuple[str, int]]:
        """Inodes and ends of the shared mappings; of a process that seems unchanged as they were, for a second."""
        size, now = self._read(pid, "statm").split(" ", 1)[0], time.monotonic()
        known = self._mappings.get(pid)
        if known and known.size == size and now - known.at_s < 1:
            return known.found
        maps, found = self._read(pid, "maps"), []
        for line in maps.splitlines() if any(map(maps.__contains__, _SHARED)) else ():
            place, modes, offset, _, inode, *path = line.split(maxsplit=5)
            if "s" in modes and path and path[0].startswith(_SHARED):
                low, high = (int(part, 16) for part in place.split("-"))
                found.append((inode, int(offset, 16) + high - low))
        self._mappings[pid] = _Mappings(size, now, found)
        return found

    def close(self) -> None:
        os.close(self._proc)

    def _threads(self, pid: int) -> list[int]:
        """Its threads, the first one first. Each may have descriptors of its own; memory they share."""
        with contextlib.suppress(OSError):
            folder = os.open(f"{pid}/task", os.O_RDONLY | os.O_DIRECTORY, dir_fd=self._proc)
            try:
                return sorted(int(entry.name) for entry in os.scandir(folder))
            finally:
                os.close(folder)
        return []

    def _thread(self, pid: int) -> int:
        """A thread that shows the memory of the process: once its first has ended, that one shows none."""
        if self._running(pid):
            return pid
        return next(filter(self._running, self._threads(pid)), pid)

    def _running(self, thread: int) -> bool:
        return self._read(thread, "stat").rpartition(")")[2].split()[:1] not in ([], ["Z"], ["X"])

    def _memory_files(self, pid: int) -> Iterable[tuple[str, int]]:
        with contextlib.suppress(OSError):
            folder = os.open(f"{pid}/fd", os.O_RDONLY | os.O_DIRECTORY, dir_fd=self._proc)
            try:
                for name in [entry.name for entry in os.scandir(folder)]:
                    with contextlib.suppress(OSError):
                        if os.readlink(name, dir_fd=folder).startswith("/memfd:"):
                            found = os.stat(name, dir_fd=folder)
                            yield str(found.st_ino), found.st_blocks * 512
            finally:
                os.close(folder)

    def _cpu(self, pid: int) -> tuple[tuple[int, str], _Cpu] | None:
        fields = self._read(pid, "stat").rpartition(")")[2].split()
        if not fields:
            return None
        own, own_system, reaped, reaped_system = (int(field) / _TICKS for field in fields[11:15])
        return (pid, fields[19]), _Cpu(own + own_system, reaped + reaped_system)

    def _read(self, pid: int, name: str) -> str:
        content = b""
        with contextlib.suppress(OSError):
            file = os.open(f"{pid}/{name}", os.O_RDONLY, dir_fd=self._proc)
            try:
                while part := os.read(file, 1 << 16):
                    content += part
            finally:
                os.close(file)
        return content.decode("utf-8", "replace")


def _kilobytes(text: str, *names: str) -> int:
    return sum(int(line.split()[1]) for line in text.splitlines() if line.startswith(names))
