"""Whatever a harness does, its step ends when its time is up."""

from __future__ import annotations

import time

import msgspec
import pytest

from engine.sandbox import Isolation
from tests.attack.attacking import LIMITS, run

WALL_S = 0.4
LIMITED = msgspec.structs.replace(LIMITS, cpu_s=20, prepare_cpu_s=20, wall_s=WALL_S, prepare_wall_s=WALL_S)
TOOLS = """
import ctypes, os, signal, socket, sys, threading, time
def ask(ctx):
    try:
        ctx.tools.call("none")
    except Exception:
        pass
def channels():
    import stat
    return [fd for fd in range(3, 64) if os.path.exists(f"/proc/self/fd/{fd}") and stat.S_ISSOCK(os.fstat(fd).st_mode)]
"""
BEHAVIOURS = {
    "asks now and then, and answers late": """
    until = time.monotonic() + 3
    while time.monotonic() < until:
        ask(ctx)
        time.sleep(0.1)
    """,
    "asks without end": "while True: ask(ctx)",
    "asks and reads no reply": r"while True: os.write(channels()[-1], b'\0\0\0\x09\x93\xa4call\xa1x\xc0')",
    "sends half a frame": r"os.write(channels()[-1], b'\0\0\0\x09\x93'); time.sleep(60)",
    "sends a frame slowly": r"""
    os.write(channels()[-1], b'\0\0\x0f\xff')
    while True:
        os.write(channels()[-1], b'x')
        time.sleep(0.05)
    """,
    "floods the log": "while True: print('x' * 100)",
    "sleeps": "time.sleep(60)",
    "stops itself": "os.kill(os.getpid(), signal.SIGSTOP); time.sleep(60)",
    "stops its parent": "os.kill(os.getppid(), signal.SIGSTOP); time.sleep(60)",
    "closes its channel and goes on": "os.closerange(3, 64); time.sleep(60)",
    "leaves its channel to a child": """
    if os.fork() == 0:
        os.setsid()
        signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
        while True: time.sleep(60)
    os._exit(0)
    """,
    "forks without end": """
    while True:
        try:
            os.fork()
        except OSError:
            time.sleep(0.01)
    """,
    "becomes another program": "os.execv('/bin/sleep', ['sleep', '60'])",
}
QUICK = ("asks now and then, and answers late", "sends a frame slowly")


def _seconds(source: str, isolation: Isolation) -> float:
    began = time.monotonic()
    for outcome in run(source, ["attack"], isolation, limits=LIMITED, workers=1).values():
        assert outcome.answer is None
        assert outcome.failure is not None
        assert outcome.failure.kind in ("timeout", "resource", "candidate")
    return time.monotonic() - began


@pytest.mark.parametrize(
    "behaviour",
    [pytest.param(name, marks=[] if name in QUICK else [pytest.mark.slow]) for name in BEHAVIOURS],
)
def test_a_solve_ends_by_its_limit_plus_five_seconds(contained: Isolation, behaviour: str) -> None:
    body = "\n".join(f"    {line}" for line in BEHAVIOURS[behaviour].splitlines())
    # what waits too long is tried once more
    assert _seconds(f"{TOOLS}\ndef solve(instance, ctx):\n{body}\n", contained) < 2 * WALL_S + 5


@pytest.mark.slow
@pytest.mark.parametrize("behaviour", BEHAVIOURS)
def test_prepare_ends_by_its_limit_plus_five_seconds(contained: Isolation, behaviour: str) -> None:
    body = "\n".join(f"    {line}" for line in BEHAVIOURS[behaviour].splitlines())
    source = f"{TOOLS}\ndef prepare(ctx):\n{body}\ndef solve(instance, ctx):\n    time.sleep(60)\n"
    assert _seconds(source, contained) < 2 * WALL_S + 5
