"""The rights and limits of a process: user nobody, no new privileges, capped resources, bound to its parent."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
from pathlib import Path

from . import harness
from .wire import Limits

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS, _PR_SET_CHILD_SUBREAPER = 1, 4, 24, 38, 36
_RLIMITS = 16  # RLIM_NLIMITS
_CAPABILITY_VERSION_3 = 0x20080522
_libc = ctypes.CDLL(None, use_errno=True)


def become(uid: int) -> None:
    """Gives up all privileges of root permanently."""
    for capability in range(64):
        _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    give_up_capabilities()


def give_up_capabilities() -> None:
    """Gives up what root can do beyond its own files, unless root runs another program."""
    _libc.capset((ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0), (ctypes.c_uint32 * 6)())


def forbid_new_privileges() -> None:
    """No program started from now on can have more privileges than this process."""
    _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def guard() -> None:
    """Adopts orphaned descendants, and keeps processes of the same user from inspecting this one."""
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    _libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def unguard() -> None:
    """Undoes `guard` in a child that runs harness code; without the guard it can harm only itself."""
    _libc.prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


def die_with_parent(*, enabled: bool = True) -> None:
    """Sets whether the kernel kills this process when its parent ends."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL if enabled else 0, 0, 0, 0)


def changeable() -> tuple[object, ...]:
    """What other processes of the same user can change in this one: niceness, scheduler, affinity, resource limits."""
    limits = [resource.getrlimit(what) for what in range(_RLIMITS)]
    return os.getpriority(os.PRIO_PROCESS, 0), os.sched_getscheduler(0), os.sched_getaffinity(0), limits


def trim_memory() -> None:
    """Returns free memory to the system."""
    if hasattr(_libc, "malloc_trim"):  # glibc's own
        _libc.malloc_trim(0)


def enter(scratch: Path, limits: Limits, seed: int, *, last: bool) -> None:
    """As `harness.enter`; also limits this process and its children.

    `last` lowers the hard limits too; `prepare` does not, since its children need limits of their own.
    """
    harness.enter(scratch, seed)
    spent = resource.getrusage(resource.RUSAGE_SELF)
    cpu_s = int(spent.ru_utime + spent.ru_stime) + limits.cpu_s
    soft = {
        resource.RLIMIT_CPU: cpu_s,
        resource.RLIMIT_DATA: _data_bytes() + limits.data_bytes,
        resource.RLIMIT_FSIZE: limits.disk_bytes,
        resource.RLIMIT_NOFILE: 1024,
        resource.RLIMIT_CORE: 0,
    }
    if limits.processes:
        soft[resource.RLIMIT_NPROC] = limits.processes
    for what, limit in soft.items():
        hard = resource.getrlimit(what)[1]
        value = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        # the soft CPU limit sends SIGXCPU, which a harness may ignore; the hard limit sends SIGKILL
        after = value + (what == resource.RLIMIT_CPU)
        resource.setrlimit(what, (value, after if last and (hard < 0 or after < hard) else hard))


def _data_bytes() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmData:"):
            return int(line.split()[1]) << 10
    return 0


def redirect(out: int) -> None:
    """Connects stdin to /dev/null, stdout and stderr to `out`, and closes `out`."""
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(out, 1)
    os.dup2(out, 2)
    os.close(null)
    if out > 2:
        os.close(out)
