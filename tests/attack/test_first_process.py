"""Whatever a harness does to the first process of its sandbox: when the engine is killed, everything in it ends."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys

import msgspec
import pytest

from engine.sandbox import Isolation, Program, process_tree
from engine.sandbox.sandbox_process import launch
from tests.attack.attacking import run
from tests.unit.sandbox.running import wait_until_gone

ENGINE = """
import asyncio, sys
import msgspec
from engine.sandbox import Isolation, Job, Program, run_harness

class Broker:
    async def call(self, job_key, op, payload, ordinal):
        print(payload["arguments"]["found"], flush=True)

async def main():
    isolation, source = msgspec.json.decode(sys.argv[1], type=Isolation), sys.argv[2].encode()
    job = Job("k", "i", None, 0)
    async for outcome in run_harness(Program({"agent.py": source}, "agent.py"), [job], workers=1, broker=Broker(),
                                     isolation=isolation):
        print(outcome, flush=True)

asyncio.run(main())
"""
# The code is `prctl(PR_SET_PDEATHSIG, 0)` and then `pause()` for ever, at the place where the first process waits for
# its child. The child is killed, so that it goes on there; all others are stopped, so that none of them cleans up.
OUTLIVE = """
import contextlib, ctypes, os, signal, time

CODE = bytes.fromhex("b89d000000 bf01000000 31f6 0f05 b822000000 0f05 ebf7")

def attack():
    at = int(open("/proc/1/syscall").read().split()[-1], 16)
    with open("/proc/1/mem", "r+b", buffering=0) as memory:
        memory.seek(at)
        if os.uname().machine == "x86_64":
            memory.write(CODE)
    worker = int(open(f"/proc/{os.getppid()}/stat").read().split()[3])
    os.kill(worker, signal.SIGKILL)
    time.sleep(0.2)
    return "written"

def solve(instance, ctx):
    try:
        found = attack()
    except OSError as error:
        found = f"refused: {error}"
    ctypes.CDLL(None).prctl(1, 0, 0, 0, 0)
    for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
        if pid != os.getpid():
            with contextlib.suppress(PermissionError):  # a first process of root's
                os.kill(pid, signal.SIGSTOP)
    ctx.tools.call("report", found=found)
    time.sleep(60)
"""
LOOK = """
import contextlib, os, signal

def tries():
    yield lambda: open("/proc/1/mem", "r+b")
    yield lambda: open("/proc/1/environ").read()
    yield lambda: os.listdir("/proc/1/fd")
    yield lambda: os.readlink("/proc/1/cwd")
    yield lambda: open("/proc/1/oom_score_adj", "w").write("1000")

def solve(instance, ctx):
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(PermissionError):
            os.kill(1, number)
    done = []
    for number, attempt in enumerate(tries()):
        try:
            attempt()
            done.append(number)
        except OSError:
            pass
    return done
"""


@pytest.fixture(params=["best", "one user"])
def shared(request: pytest.FixtureRequest, isolation: Isolation) -> Isolation:
    """The best of this machine; and a sandbox whose first process has the harness's user, as an ordinary user's has."""
    if request.param == "best":
        return isolation
    if isolation.mode == "user":
        pytest.skip("the same as the best")
    return msgspec.structs.replace(isolation, mode="mapped")


def test_a_killed_engine_leaves_nothing_though_the_first_process_was_attacked(shared: Isolation) -> None:
    command = [sys.executable, "-c", ENGINE, msgspec.json.encode(shared).decode(), OUTLIVE]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as engine:
        assert engine.stdout is not None
        said = engine.stdout.readline()
        inside = list(process_tree.descendants(engine.pid))
        engine.kill()
    left = wait_until_gone(inside)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert len(inside) >= 4
    assert said.startswith("refused"), said
    assert left == []


def test_the_first_process_shows_nothing_and_no_signal_from_inside_ends_it(shared: Isolation) -> None:
    outcome = run(LOOK, [None], shared)["0"]
    assert outcome.failure is None
    # files of a process that cannot be traced belong to root, which a harness is outside where root is only mapped
    assert set(outcome.answer) <= ({2, 4} if shared.mode == "mapped" else set())


@pytest.mark.parametrize("end", ["outer process", "control socket"])
def test_each_of_two_ways_ends_everything_by_itself(shared: Isolation, end: str) -> None:
    async def start_and_end() -> list[int]:
        launched = await launch(Program({"agent.py": b""}, "agent.py"), shared)
        inside = list(process_tree.descendants(launched.process.pid))
        if end == "outer process":
            launched.process.kill()
        else:
            os.kill(inside[-1], signal.SIGSTOP)  # the worker, which would notice it, too
            launched.control.close()
        left = await asyncio.to_thread(wait_until_gone, inside, 4.0)
        await launched.close()
        return left if len(inside) == 2 else [0]

    assert asyncio.run(start_and_end()) == []
