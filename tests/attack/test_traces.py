"""What a harness must not leave behind: processes, files, state for the next instance."""

from __future__ import annotations

import subprocess
import sys

import pytest

from engine.sandbox import Isolation
from tests.attack.attacking import Attack, run

NOTHING_LEFT = """
import asyncio, ctypes, os
from pathlib import Path
from engine.sandbox import Job, Program, probe, run_harness, process_tree

SOURCE = b"import os\\ndef solve(instance, ctx):\\n    os.fork(), os.fork()\\n    return len(bytes(40 << 20))\\n"

async def once(isolation):
    program, job = Program({"agent.py": SOURCE}, "agent.py"), Job("0", "0", None, 0)
    async for _ in run_harness(program, [job], workers=1, broker=None, isolation=isolation):
        pass
    states = [Path(f"/proc/{pid}/stat").read_text() for pid in process_tree.descendants(os.getpid())]
    return sum(state.rpartition(")")[2].split()[0] != "Z" for state in states)

ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # orphans become children of this process
isolation = probe()
print([asyncio.run(once(isolation)) for _ in range(8)])
"""
STARTS_CANCELLED = """
import asyncio, ctypes, os, time
from pathlib import Path
from engine.sandbox import Program, probe, process_tree
from engine.sandbox.sandbox_process import launch

async def cancelled(isolation, delay_s):
    starting = asyncio.create_task(launch(Program({"agent.py": b""}, "agent.py"), isolation))
    await asyncio.sleep(delay_s)
    starting.cancel()
    try:
        await (await starting).close()
    except asyncio.CancelledError:
        pass

def left():
    for pid in process_tree.descendants(os.getpid()):
        try:
            yield Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        except OSError:
            pass

ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # orphans become children of this process
isolation = probe()
for number in range(150):
    asyncio.run(cancelled(isolation, number % 50 * 0.0005))
time.sleep(1)
print(sum(left()))
"""
DAEMON = """
import os, signal, time
def solve(instance, ctx):
    running = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            for number in set(range(1, 65)) - {9, 19, 32, 33}:
                signal.signal(number, signal.SIG_IGN)
            while True:
                time.sleep(60)
        os._exit(0)
    return len(running)
"""
STATE = """
import os, random, sys, tempfile
import json
seen = []
def prepare(ctx):
    with open("prepared", "w") as file:
        file.write("x")
    return {"seen": []}
def solve(instance, ctx):
    found = [
        seen, ctx.prepared["seen"], os.listdir("."), os.listdir("../prepare"), getattr(json, "planted", None),
        os.environ.get("PLANTED"), os.listdir(tempfile.gettempdir()),
    ]
    found = json.loads(json.dumps(found))
    seen.append(instance.id)
    ctx.prepared["seen"].append(instance.id)
    json.planted = True
    os.environ["PLANTED"] = "x"
    for folder in (".", "..", "../0", "../1", "../prepare", "/tmp", "/dev/shm"):
        try:
            with open(os.path.join(folder, "planted"), "w") as file:
                file.write("x")
        except OSError:
            pass
    return [found, random.random(), ctx.rng.random()]
"""


def test_a_daemon_dies_with_its_solve(isolation: Isolation) -> None:
    outcomes = run(DAEMON, range(6), isolation, workers=1)
    assert len({outcome.answer for outcome in outcomes.values()}) == 1, outcomes


def test_no_state_reaches_the_next_instance(isolation: Isolation) -> None:
    outcomes = run(STATE, range(6), isolation, workers=1)
    found = {key: outcome.answer[0] for key, outcome in outcomes.items()}
    assert all(answer == [[], [], [], [], None, None, []] for answer in found.values()), found


def test_isolated_instances_share_nothing(isolation: Isolation) -> None:
    outcomes = run(STATE, range(3), isolation, single=True)
    assert all(outcome.answer[0] == [[], [], [], [], None, None, []] for outcome in outcomes.values())


def test_the_run_goes_on_after_every_kind_of_end(attack: Attack) -> None:
    attack("import os\ndef attack(instance, ctx):\n    os.kill(-1, 9)", workers=1)


def test_no_process_is_left_when_a_sandbox_has_been_closed(isolation: Isolation) -> None:
    done = subprocess.run([sys.executable, "-c", NOTHING_LEFT], capture_output=True, text=True, check=False)
    assert done.stdout == f"{[0] * 8}\n", done.stdout + done.stderr


@pytest.mark.slow
def test_no_process_is_left_of_a_sandbox_that_is_closed_while_it_starts() -> None:
    done = subprocess.run(
        [sys.executable, "-c", STARTS_CANCELLED], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stdout == "0\n", done.stdout + done.stderr


CLOSED = """
import os
def solve(instance, ctx):
    found = os.listdir()
    os.makedirs("outer/inner/innermost")
    open("outer/inner/file", "w").close()
    for folder in ("outer/inner/innermost", "outer/inner", "outer"):
        os.chmod(folder, instance.data)
    return found
"""


@pytest.mark.parametrize("mode", [0o555, 0])
def test_closed_folders_in_each_other_are_removed_and_their_solve_counts(isolation: Isolation, mode: int) -> None:
    outcomes = run(CLOSED, [mode] * 3, isolation, workers=1)
    assert [outcome.answer for outcome in outcomes.values()] == [[], [], []], outcomes
