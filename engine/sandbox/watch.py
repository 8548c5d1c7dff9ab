"""Watches one `solve`, or `prepare`, from outside: what it has used, and which limit it exceeds."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from domains.contract import Limits
from engine.failure import Failure
from engine.plain import plural
from engine.sandbox.cgroup import Group, Groups
from engine.sandbox.channel import Output
from engine.sandbox.population import Population
from engine.sandbox.program import failure

MB = 1 << 20
FLOOD = 64  # times `output_kb`: output beyond `output_kb` is dropped, and a job that prints this much is stopped
INODES = 1 << 16  # a tmpfs limits bytes, and empty files take none: they are counted


@dataclass
class Watch:
    """The limits on one job, which may be `prepare`: on all processes of its sandbox but those that only wait.

    If `groups` is None, memory and processes are polled in /proc several times a second; a burst in between can exceed
    them for that long. `pid` is the process that forks the job, or the worker.
    """

    pid: int
    cpu_limit_s: float
    limits: Limits
    population: Population
    groups: Groups | None
    group: Group | None
    output: Output
    scratch: str
    _started_cpu_s: float = field(init=False)
    _held: int = field(init=False)
    _oom_kills: int = field(init=False)
    _refused_forks: int = field(init=False)

    def __post_init__(self) -> None:
        self._started_cpu_s = self._total_cpu_s()
        # the memory of `prepare` is shared with every job and counted for each, so it is allowed on top
        self._held = 0 if self.group else self.population.anonymous([self.population.inside(self.pid)])
        self._oom_kills = self.group.oom_kills() if self.group else 0
        self._refused_forks = self.group.refused_forks() if self.group else 0

    @property
    def tick_s(self) -> float:
        """How often to look for an excess."""
        return 0.2 if self.group else 0.1

    def cpu_s(self) -> float:
        """CPU seconds of all processes of the sandbox since the watch began."""
        return self._total_cpu_s() - self._started_cpu_s

    def excess(self) -> Failure | None:
        """The failure for the first limit that is exceeded now, if any."""
        if self.cpu_s() > self.cpu_limit_s:
            return self.too_much_cpu()
        if self.output.size > FLOOD * self.limits.output_kb << 10:
            return failure("resource", f"printed more than {FLOOD * self.limits.output_kb} KB")
        if self.scratch and _inodes(self.pid, self.scratch) > INODES:
            return failure("resource", f"made more than {INODES} files")
        if self.group:
            return self._too_much_memory() if self.group.oom_kills() > self._oom_kills else None
        if len(self.population.others()) > self.limits.processes:
            return self._too_many_processes()
        allowed = self.limits.memory_mb * MB + self._held
        if self.population.memory(exactly=False) > allowed and self.population.memory(exactly=True) > allowed:
            return self._too_much_memory()
        return None

    def _total_cpu_s(self) -> float:
        counted = self.groups.cpu_s() if self.groups else None
        return self.population.cpu_s() if counted is None else counted

    def too_much_cpu(self) -> Failure:
        return failure("timeout", f"used more than {self.cpu_limit_s:g} s of CPU time")

    def enforced(self) -> Failure | None:
        """The failure for a limit that the kernel has enforced since the watch began, if a group counts it."""
        if self.group and self.group.oom_kills() > self._oom_kills:
            return self._too_much_memory()
        if self.group and self.group.refused_forks() > self._refused_forks:
            return self._too_many_processes()
        return None

    def _too_much_memory(self) -> Failure:
        return failure("resource", f"used more than {self.limits.memory_mb} MB of memory")

    def _too_many_processes(self) -> Failure:
        return failure("resource", f"started more than {plural(self.limits.processes, 'process')}")


def _inodes(pid: int, scratch: str) -> int:
    try:
        found = os.statvfs(f"/proc/{pid}/root{scratch}")
    except OSError:
        return 0
    return found.f_files - found.f_ffree
