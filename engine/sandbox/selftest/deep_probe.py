"""Attacks a sandbox of this machine in all the ways of `attacks`: what `sia doctor --deep` shows."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

from domains.contract import Limits
from engine.plain import plural
from engine.sandbox import process_tree
from engine.sandbox.confinement import profile
from engine.sandbox.isolation import Isolation, Measure
from engine.sandbox.program import Job, NoBroker, Outcome, Program
from engine.sandbox.selftest.attacks import ATTACKS, SURVIVOR, Attack
from engine.sandbox.session import run_harness

LIMITS = Limits(
    cpu_s=4, wall_s=4, prepare_cpu_s=4, prepare_wall_s=8, memory_mb=256, disk_mb=4, processes=16, output_kb=16
)
PATIENCE_S = 5.0
"""How much later than its limit an attack may end."""
_REMEDY = "run no harness that you have not read; report it as SECURITY.md says"
_GUARD = """
def solve(instance, ctx):
    return attack(instance, ctx) if instance.data else "fine"
"""
HOLD = "from engine.sandbox.selftest.deep_probe import hold; hold()"


async def deep_probe(isolation: Isolation) -> AsyncIterator[Measure]:
    """One measure for each attack as it ends; about a minute in all. Needs an isolation that is not `none`."""
    for attack in ATTACKS:
        yield await attempt(attack, isolation)
    yield await asyncio.to_thread(outlive, isolation)


async def attempt(attack: Attack, isolation: Isolation) -> Measure:
    """Whether the sandbox held against `attack`, beside harmless jobs that must come through."""
    program = Program({"agent.py": (attack.source + _GUARD).encode()}, "agent.py", limits=LIMITS)
    began = time.monotonic()
    with _bait() as bait:
        jobs = [Job(str(number), str(number), bait if number == 1 else None, number) for number in range(4)]
        outcomes = run_harness(program, jobs, workers=2, broker=NoBroker(), isolation=isolation)
        found = {outcome.key: outcome async for outcome in outcomes}
    took = time.monotonic() - began
    wrong = fault(attack, found, took)
    return Measure(attack.name, not wrong, f"{attack.tries}: {wrong or 'held'}", _REMEDY if wrong else "")


def fault(attack: Attack, found: dict[str, Outcome], took_s: float) -> str:
    """What went wrong, or nothing."""
    outcome = found["1"]
    failed = outcome.failure
    if [found[key].answer for key in "023"] != ["fine"] * 3:
        return "harmless instances beside it failed"
    if attack.ends:
        if failed is None:
            return f"not ended, it reached {outcome.answer}"[:200]
        # an attack that exceeds only its wall time is tried once more, alone
        if took_s > 2 * (LIMITS.wall_s + PATIENCE_S) + LIMITS.prepare_wall_s:
            return f"ended after {took_s:.0f} s, with a limit of {LIMITS.wall_s:g} s"
        return "" if failed.kind in attack.ends else f"ended as {failed.kind}: {failed.message}"
    if failed is not None:
        return f"could not be tried: {failed.message}"
    return f"reached {', '.join(outcome.answer)}"[:200] if outcome.answer else ""


@contextlib.contextmanager
def _bait() -> Iterator[dict[str, Any]]:
    """What the attacks reach for: a word of this process's environment, a port, an abstract socket."""
    inside = {f"{name}={value}" for name, value in profile.ENVIRONMENT.items()}
    words = set(Path("/proc/self/environ").read_text(errors="replace").split("\0")) - inside
    key, name = max(words, key=len), f"sia-{secrets.token_hex(8)}"
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as local:
        local.bind("\0" + name)
        local.listen()
        yield {"key": key or name, "port": server.getsockname()[1], "name": name}


def hold() -> None:
    """Called in a process of its own, which is then killed: runs a harness that does not end."""
    import msgspec

    isolation = msgspec.json.decode(sys.stdin.buffer.read(), type=Isolation)
    program = Program({"agent.py": SURVIVOR.encode()}, "agent.py", limits=Limits(wall_s=120, cpu_s=60, processes=16))

    async def go() -> None:
        async for _ in run_harness(
            program, [Job("0", "0", None, 0)], workers=1, broker=NoBroker(), isolation=isolation
        ):
            pass

    asyncio.run(go())


def outlive(isolation: Isolation) -> Measure:
    """Whether every process of a sandbox ends with its engine, which is killed."""
    import msgspec

    name, tries = "end of the engine", "goes on after its engine was killed"
    with tempfile.TemporaryFile() as words:
        words.write(msgspec.json.encode(isolation))
        words.seek(0)
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", HOLD], stdin=words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
    handles: dict[int, int] = {}
    try:
        until, quiet = time.monotonic() + 30, 0
        while quiet < 10 and time.monotonic() < until:  # until no new process comes: the harness has forked
            time.sleep(0.1)
            pids = set(process_tree.descendants(process.pid))
            quiet = quiet + 1 if len(pids) > 5 and pids <= handles.keys() else 0
            for pid in pids - handles.keys():
                with contextlib.suppress(OSError):
                    handles[pid] = os.pidfd_open(pid)
        process.kill()
        process.wait()
        if quiet < 10:
            return Measure(name, False, f"{tries}: could not be tried", "look at the lines above")
        left = _living(handles, PATIENCE_S)
        for pid in left:
            with contextlib.suppress(OSError):
                signal.pidfd_send_signal(handles[pid], signal.SIGKILL)
        wrong = f"it left {plural(len(left), 'process')}" if left else ""
        return Measure(name, not left, f"{tries}: {wrong or 'held'}", _REMEDY if left else "")
    finally:
        process.kill()
        process.wait()
        for handle in handles.values():
            os.close(handle)


def _living(handles: dict[int, int], patience_s: float) -> list[int]:
    """The processes that have not ended after `patience_s`, with their pidfds."""
    until = time.monotonic() + patience_s
    left = dict(handles)
    while left and time.monotonic() < until:
        ended, _, _ = select.select(list(left.values()), [], [], 0.1)
        left = {pid: handle for pid, handle in left.items() if handle not in ended}
    return list(left)
