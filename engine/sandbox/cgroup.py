"""Control groups, versions 1 and 2: the kernel limits the processes and memory of a whole process tree, and counts its
CPU time.

Used where this process may create groups. An ordinary user needs a delegated group, such as systemd gives a login
session. A group carries the name of the engine that created it, so that the next engine removes those of a killed one.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

MB = 1 << 20
_ROOT = Path("/sys/fs/cgroup")
_PREFIX = "sia-"
_serial = itertools.count()


@dataclass(frozen=True)
class Controllers:
    """The folders in which groups can be created; in version 2 they are the same folder. None: CPU is not counted."""

    version: Literal[1, 2]
    pids: Path
    memory: Path
    cpu: Path | None

    @property
    def folders(self) -> list[Path]:
        return list(dict.fromkeys(filter(None, (self.pids, self.memory, self.cpu))))

    def below(self, name: str) -> Controllers:
        """The folders of the group `name` in these."""
        return Controllers(self.version, self.pids / name, self.memory / name, self.cpu and self.cpu / name)


@dataclass(frozen=True)
class Group:
    """A group with its own limits; its counters show when they were hit."""

    controllers: Controllers

    def add(self, pid: int) -> None:
        """Moves a process into the group; its later children are in it too."""
        for folder in self.controllers.folders:
            (folder / "cgroup.procs").write_text(str(pid))

    def oom_kills(self) -> int:
        """How often the kernel has killed a process of the group because memory ran out."""
        file = "memory.events" if self.controllers.version == 2 else "memory.oom_control"
        return _counter(self.controllers.memory / file, "oom_kill")

    def refused_forks(self) -> int:
        """How often a fork has failed at the limit on processes."""
        return _counter(self.controllers.pids / "pids.events", "max")


class Groups:
    """The groups of one sandbox: a parent without processes, a child for the worker, and one for the slot."""

    def __init__(self, controllers: Controllers) -> None:
        name = f"{_PREFIX}{os.getpid()}-{_start_time(os.getpid())}-{next(_serial)}"
        self._parent = controllers.below(name)
        try:
            for folder in self._parent.folders:
                folder.mkdir()
            if controllers.version == 2:
                (self._parent.pids / "cgroup.subtree_control").write_text("+pids +memory")
        except OSError:
            self.remove(0.0)
            raise

    def child(self, name: str, *, processes: int, memory_mb: int) -> Group:
        """Creates a group with these limits; swap does not extend them."""
        parent = self._parent
        group = parent.below(name)
        for folder in group.folders:
            folder.mkdir()
        (group.pids / "pids.max").write_text(str(processes))
        if group.version == 2:
            (group.memory / "memory.max").write_text(str(memory_mb * MB))
            swap, most = group.memory / "memory.swap.max", 0
        else:
            (group.memory / "memory.limit_in_bytes").write_text(str(memory_mb * MB))
            swap, most = group.memory / "memory.memsw.limit_in_bytes", memory_mb * MB
        with contextlib.suppress(OSError):  # no swap, or not accounted
            swap.write_text(str(most))
        return Group(group)

    def cpu_s(self) -> float | None:
        """CPU seconds of all processes that were ever in these groups; None if they are not counted."""
        if (folder := self._parent.cpu) is None:
            return None
        if self._parent.version == 2:
            return _counter(folder / "cpu.stat", "usage_usec") / 1e6
        return int((folder / "cpuacct.usage").read_text()) / 1e9

    def remove(self, patience_s: float = 2.0) -> bool:
        """Removes all groups once their processes have ended; False if some have not ended in time."""
        removed = [_remove(folder, patience_s) for folder in self._parent.folders]
        return all(removed)


def find() -> Controllers | None:
    """Where this process can create groups with both limits, found by trying. Removes groups of dead engines."""
    for controllers in _candidates():
        for folder in controllers.folders:
            _clear(folder)
        if _works(controllers):
            return controllers
    return None


def _works(controllers: Controllers) -> bool:
    try:
        groups = Groups(controllers)
    except OSError:
        return False
    try:
        group = groups.child("probe", processes=8, memory_mb=64)
        with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as process:
            group.add(process.pid)
            groups.cpu_s()
            return group.oom_kills() == 0 and group.refused_forks() == 0
    except OSError:
        return False
    finally:
        groups.remove()


def _candidates() -> Iterator[Controllers]:
    own: dict[str, Path] = {}
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, names, path = line.split(":", 2)
            own.update(dict.fromkeys(names.split(","), Path(path)))
    if "pids" in own and "memory" in own:
        pids, memory = _ROOT / "pids", _ROOT / "memory"
        cpu = _ROOT / "cpuacct"
        here = Controllers(1, pids / own["pids"].relative_to("/"), memory / own["memory"].relative_to("/"), None)
        if "cpuacct" in own:
            yield replace(here, cpu=cpu / own["cpuacct"].relative_to("/"))
            yield Controllers(1, pids, memory, cpu)
        yield here
        yield Controllers(1, pids, memory, None)
    elif "" in own:
        # A group that holds processes cannot have limited children, so ours goes beside our own group or above it.
        folder = _ROOT / own[""].relative_to("/")
        for place in (folder, *folder.parents):
            if place.is_relative_to(_ROOT):
                yield Controllers(2, place, place, place)


def _counter(file: Path, key: str) -> int:
    for line in file.read_text().splitlines():
        name, _, value = line.partition(" ")
        if name == key:
            return int(value)
    return 0


def _clear(folder: Path) -> None:
    with contextlib.suppress(OSError):
        for group in folder.glob(f"{_PREFIX}*"):
            pid, _, rest = group.name.removeprefix(_PREFIX).partition("-")
            if pid.isdigit() and _start_time(int(pid)) != rest.partition("-")[0]:
                _remove(group, 0.0)


def _remove(folder: Path, patience_s: float) -> bool:
    until = time.monotonic() + patience_s
    while True:
        try:
            for child in folder.iterdir():
                if child.is_dir():
                    child.rmdir()
            folder.rmdir()
        except FileNotFoundError:
            return True
        except OSError:
            if time.monotonic() >= until:
                return False
            time.sleep(0.005)
        else:
            return True


def _start_time(pid: int) -> str:
    """When `pid` started, in clock ticks since boot, to tell a reused pid apart; empty if there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return ""
