"""What one solve must not do to another, beside it or after it."""

from __future__ import annotations

import pytest

from engine.sandbox import Isolation
from tests.attack.attacking import LIMITS, run

NEIGHBOUR = """
import ctypes, os, re, resource, signal, sys, time
def others():
    mine = {os.getpid(), os.getppid(), 1}
    return [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if pid not in mine]
def signalled():
    for pid in others():
        try:
            os.kill(pid, signal.SIGSTOP)
        except OSError:
            pass
def rewritten():
    for pid in others():
        try:
            with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "r+b", buffering=0) as memory:
                for low, high in re.findall(r"^(\\w+)-(\\w+) rw-p", maps.read(), re.M):
                    memory.seek(int(low, 16))
                    held = memory.read(int(high, 16) - int(low, 16))
                    for found in re.finditer(b"my own " + b"answer", held):
                        memory.seek(int(low, 16) + found.start())
                        memory.write(b"a forged one!!")
        except (OSError, ValueError):
            pass
def solve(instance, ctx):
    until = time.monotonic() + 1.2
    while instance.data != "victim" and time.monotonic() < until:
        {attack}()
        time.sleep(0.05)
    held = bytearray(b"my own ") + b"answer"
    while instance.data == "victim" and time.monotonic() < until:
        time.sleep(0.05)
    return held.decode()
"""


@pytest.mark.parametrize("attack", ["signalled", "rewritten"])
def test_a_neighbour_is_neither_signalled_nor_rewritten(isolation: Isolation, attack: str) -> None:
    limits = LIMITS.__class__(wall_s=4)
    data = ["victim", "attacker", "victim", "attacker"]
    outcomes = run(NEIGHBOUR.replace("{attack}", attack), data, isolation, workers=2, limits=limits)
    assert [outcomes[key].answer for key in "02"] == ["my own answer"] * 2, outcomes


CHANGES = {
    "nice": "os.setpriority(os.PRIO_PROCESS, os.getppid(), 7)",
    "affinity": "os.sched_setaffinity(os.getppid(), [min(os.sched_getaffinity(0))])",
    "scheduler": "os.sched_setscheduler(os.getppid(), os.SCHED_BATCH, os.sched_param(0))",
    "limits": "resource.prlimit(os.getppid(), resource.RLIMIT_NOFILE, (40, 40))",
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_to_the_process_of_a_slot_does_not_reach_the_next_solve(isolation: Isolation, change: str) -> None:
    source = f"""
import os, resource
def solve(instance, ctx):
    limits = [resource.getrlimit(what) for what in range(16) if what not in (resource.RLIMIT_CPU, resource.RLIMIT_DATA)]
    found = [os.getpriority(os.PRIO_PROCESS, 0), os.sched_getaffinity(0), os.sched_getscheduler(0), limits]
    try:
        {CHANGES[change]}
    except PermissionError:
        pass
    return repr(found)
"""
    outcomes = run(source, range(3), isolation, workers=1)
    assert len({outcome.answer for outcome in outcomes.values()}) == 1, outcomes
    assert outcomes["0"].answer is not None


HELPED = """
import os, threading, time
def help():
    time.sleep(0.2)
    while True:
        if os.fork() == 0:
            os.execv("/bin/sleep", ["sleep", "1000"])
        time.sleep(1000)
def prepare(ctx):
    threading.Thread(target=help, daemon=True).start()
def solve(instance, ctx):
    time.sleep(0.5)
    started = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/comm") as comm, open(f"/proc/{pid}/stat") as stat:
                if comm.read() == "sleep\\n":
                    started.append(stat.read().rpartition(")")[2].split()[19])
        except OSError:
            pass
    return started
"""


def test_a_process_of_a_thread_that_prepare_left_does_not_outlive_the_solve(contained: Isolation) -> None:
    outcomes = run(HELPED, range(3), contained, workers=1)
    started = [one for outcome in outcomes.values() for one in outcome.answer]
    assert len(started) == 3  # the attack works: each solve finds one
    assert len(set(started)) == 3


GHOST = """
import ctypes, mmap, os, sys, threading, time
beats = mmap.mmap(-1, 4096)
def prepare(ctx):
    sys.modules["_sia_inside.main"].sweep = lambda *_: (0, 0.0)
    if os.fork() == 0:
        def beat():
            while True:
                beats[:8] = time.monotonic_ns().to_bytes(8)
                time.sleep(0.01)
        threading.Thread(target=beat).start()
        time.sleep(0.1)
        ctypes.CDLL(None).pthread_exit(None)
    time.sleep(0.3)
def solve(instance, ctx):
    before, until, started = beats[:8], time.monotonic() + 5, []
    while not (started and beats[:8] != before) and time.monotonic() < until:
        time.sleep(0.1)
        found = [open(f"/proc/{pid}/stat").read() for pid in filter(str.isdigit, os.listdir("/proc"))]
        started = [stat.split()[21] for stat in found if " Z " in stat]
    return [beats[:8] != before, min(started)]
"""


def test_a_process_whose_first_thread_has_ended_does_not_outlive_the_solve(contained: Isolation) -> None:
    outcomes = run(GHOST, range(3), contained, workers=1)
    found = [outcome.answer for outcome in outcomes.values()]
    assert all(beats for beats, _ in found)  # the attack works: it runs beside each solve
    assert len({ghost for _, ghost in found}) == 3, found
