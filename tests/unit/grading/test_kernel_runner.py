"""The kernel runner executes what nobody has read: it is contained, timed from outside, and its end hurts nobody."""

from __future__ import annotations

import asyncio
import itertools
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from domains.contract import Guest, GuestFailed, Limits
from engine.compute import interference, timing
from engine.failure import Failure
from engine.grading import client
from engine.grading.client import Grader
from engine.grading.kernel_runner import SandboxedKernelRunner
from engine.grading.loader import find
from engine.sandbox.watch import Watch
from tests import kernel_runners

LIMITS = Limits(cpu_s=10, wall_s=60, prepare_cpu_s=5, prepare_wall_s=20, memory_mb=256, disk_mb=4, processes=16)
LOOP = """
    while (order := ctx.line.order()) is not None:
        ctx.line.reply(act(order, ctx.line.memory))
"""


@pytest.fixture(scope="module")
def runner() -> Iterator[SandboxedKernelRunner]:
    yield from kernel_runners.opened()


def guest(act: str, **options: Any) -> Guest:
    """A guest whose reply to an order is what the body of `act(order, memory)` returns."""
    source = f"import os, signal, sys, threading, time\ndef act(order, memory):\n{textwrap.indent(act, '    ')}\n"
    source += f"def solve(instance, ctx):{LOOP}"
    return Guest({"guest.py": source.encode()}, "guest.py", limits=LIMITS, **options)


def test_orders_are_answered_and_memory_is_shared(runner: SandboxedKernelRunner) -> None:
    doubling = guest("memory[0] *= 2\nreturn {'got': order}", memory_bytes=4)
    with runner.open(doubling) as live:
        live.memory[0] = 21
        reply = live.ask(["any", 1], 10.0)
        assert reply.value == {"got": ["any", 1]}
        assert live.memory[0] == 42
        live.memory[0] = 3
        live.ask(0, 10.0)
        assert live.memory[0] == 6


def test_time_is_taken_outside_where_a_guest_cannot_patch_it(runner: SandboxedKernelRunner) -> None:
    patched = guest("time.time = time.monotonic = time.perf_counter = lambda: 0.0\ntime.sleep(0.3)\nreturn 0")
    with runner.open(patched) as live:
        assert 0.3 <= live.ask(0, 10.0).wall_s < 3.0


LATER = """
def work():
    time.sleep(0.5)
    memory[0] = 7
{how}
return "done"
"""


@pytest.mark.parametrize(
    "how",
    [
        "threading.Thread(target=work, daemon=True).start()",
        "if os.fork() == 0:\n    work()\n    os._exit(0)",
        "if os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n        work()\n    os._exit(0)",
    ],
    ids=["a thread", "a child", "an orphan"],
)
def test_a_guest_that_says_done_before_it_is_stands_still_from_then_on(runner: SandboxedKernelRunner, how: str) -> None:
    with runner.open(guest(LATER.format(how=how), memory_bytes=1)) as live:
        assert live.ask(0, 10.0).value == "done"
        then = live.memory[0]  # 7 where the machine was too busy to end the order while the work slept
        until = time.monotonic() + 1.0
        while time.monotonic() < until:
            assert live.memory[0] == then
    # what it does bites where it is not stopped: waited for, the work is done
    waits = LATER.replace('return "done"', "while memory[0] == 0: time.sleep(0.01)")
    with runner.open(guest(waits.format(how=how), memory_bytes=1)) as live:
        live.ask(0, 10.0)
        assert live.memory[0] == 7


CONTINUED = """
import ctypes, struct
def work():
    while True:
        memory[0] = (memory[0] + 1) % 256
        time.sleep(0.001)
signal.signal(signal.SIGCONT, lambda *_: None)
libc, timer = ctypes.CDLL(None), ctypes.c_void_p()
libc.timer_create(1, struct.pack("=Qii48x", 0, signal.SIGCONT, 0), ctypes.byref(timer))
libc.timer_settime(timer, 0, struct.pack("=4q", 0, 10**8, 0, 10**8), None)
threading.Thread(target=work, daemon=True).start()
return "done"
"""


def test_a_guest_whose_timer_continues_it_is_refused(runner: SandboxedKernelRunner) -> None:
    refused = "ran on after it had been stopped|could not be stopped"
    with (
        pytest.raises(GuestFailed, match=refused) as failed,
        runner.open(guest(CONTINUED, memory_bytes=1)) as live,
    ):
        for _ in range(20):
            live.ask(0, 10.0)
            time.sleep(0.2)
    assert failed.value.kind == "candidate"


def test_memory_that_a_guest_would_shrink_stays(runner: SandboxedKernelRunner) -> None:
    shrink = """
for name in os.listdir("/proc/self/fd"):
    try:
        if "memfd" in os.readlink(f"/proc/self/fd/{name}"):
            os.ftruncate(int(name), 0)
            return "shrunk"
    except PermissionError as error:
        return "refused"
    except OSError:
        pass
"""
    with runner.open(guest(shrink, memory_bytes=1 << 14)) as live:
        assert live.ask(0, 10.0).value == "refused"
        assert live.memory[1 << 13] == 0


BURNS = """
import time
signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # what its children used is in nobody's account once they end
for seconds in (0.02, 60.0):
    if os.fork() == 0:
        until = time.process_time() + seconds
        while time.process_time() < until:
            pass
        os._exit(0)
until = time.process_time() + 0.02
while time.process_time() < until:
    pass
return 0
"""


def test_busy_processes_of_a_candidate_are_never_counted_as_others(runner: SandboxedKernelRunner) -> None:
    counts: list[interference.Counts] = []
    with runner.open(guest("return 0", room="house")) as house, runner.open(guest(BURNS)) as live:
        reader = interference.Reader(live.pids)

        def read() -> interference.Counts:
            counts.append(reader())
            return counts[-1]

        timing.compare(lambda: None, lambda: house.ask(0, 10.0).wall_s, lambda: live.ask(0, 10.0).wall_s, 1, read)
    ran = [after.ran_s - before.ran_s for before, after in itertools.pairwise(counts)]
    measured, between = ran[::2], ran[1::2]
    assert min(between) > 0.02  # while it was timed
    assert measured == [0.0] * 3  # while others' use is measured


ENDS_SOON = """
signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # they leave the table of processes by themselves
for turn in range(4):
    if os.fork() == 0:
        time.sleep(turn * 0.0002)
        os._exit(0)
return 0
"""


def test_processes_that_end_while_they_are_stopped_are_no_fault(runner: SandboxedKernelRunner) -> None:
    with runner.open(guest(ENDS_SOON)) as live:
        for _ in range(30):
            live.ask(0, 10.0)


ENDINGS = {
    "raises": ("raise ValueError('no')", "candidate"),
    "exits": ("os._exit(0)", "candidate"),
    "crashes": ("import ctypes\nctypes.string_at(0)", "candidate"),
    "is killed": ("os.kill(os.getpid(), signal.SIGILL)", "candidate"),
    "closes its line": ("os.closerange(0, 1024)", "candidate"),
    "floods the line": ("return b'x' * (8 << 20)", "candidate"),
    "hangs": ("while True:\n    time.sleep(1)", "timeout"),
    "takes 10 GB": ("held = bytearray(10 << 30)\nreturn len(held)", "resource"),
    "takes 10 GB in touched pages": (
        "import mmap\nheld = mmap.mmap(-1, 10 << 30)\nfor at in range(0, 10 << 30, 4096):\n    held[at] = 1",
        "resource",
    ),
    "kills what runs it": ("os.kill(os.getppid(), signal.SIGKILL)\ntime.sleep(30)", "candidate"),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_end_is_a_typed_failure_and_the_next_guest_runs(runner: SandboxedKernelRunner, ending: str) -> None:
    act, kind = ENDINGS[ending]
    with pytest.raises(GuestFailed) as failed, runner.open(guest(act)) as live:
        live.ask(0, 3.0 if kind == "timeout" else 60.0)
    assert failed.value.kind == kind
    assert str(failed.value).isprintable()
    with runner.open(guest("return order + 1")) as live:
        assert live.ask(1, 10.0).value == 2


def test_a_slot_that_the_kernel_has_killed_for_memory_is_no_guest_that_killed_it(
    runner: SandboxedKernelRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    act, _ = ENDINGS["kills what runs it"]  # as the kernel may, at the limit of a group
    monkeypatch.setattr(Watch, "enforced", lambda self: Failure("resource", "used more than 256 MB of memory"))
    with pytest.raises(GuestFailed, match="used more than 256 MB") as failed, runner.open(guest(act)) as live:
        live.ask(0, 3.0)
    assert failed.value.kind == "resource"


def test_rooms_cannot_see_each_other(runner: SandboxedKernelRunner) -> None:
    look = """
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            found.append(open(f"/proc/{pid}/comm").read().strip())
        except OSError:
            pass
    return found
    """
    named = "import ctypes\nctypes.CDLL(None).prctl(15, b'in the house')\n"
    with (
        runner.open(guest(named + textwrap.dedent(look), room="house")) as house,
        runner.open(guest(textwrap.dedent(look))) as live,
    ):
        assert "in the house" in house.ask(0, 10.0).value
        assert "in the house" not in live.ask(0, 10.0).value


DOMAIN = """
from domains.contract import Grade, Guest, Instance, Summary
GUEST = b'''
def solve(instance, ctx):
    while ctx.line.order() is not None:
        ctx.line.reply(eval(instance.data))
'''
class D:
    def digest(self): return "1"
    def instances(self, split): return [Instance(split + "-1", 3)]
    def grade(self, instance, answer, RUNNER):
        with RUNNER.open(Guest({"guest.py": GUEST}, "guest.py", data=answer)) as live:
            return Grade(float(live.ask("now", 5.0).value))
    def summarise(self, split, graded): return Summary()
    def baselines(self, train, on): return {"six": ["2 * 3"]}
def load(data): return D()
"""


async def _graded(folder: Path, answer: str) -> tuple[float, float]:
    grader = Grader(find(str(folder)))
    try:
        grade = await grader.grade("val", "val-1", answer)
        return grade.score, (await grader.baselines("val"))["six"][0].score
    finally:
        await grader.close()


@pytest.mark.parametrize("name", ["runner", "bench"])
def test_a_domain_grades_what_its_answer_does(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "LOAD_WALL_S", 100.0)  # less than a test may take: it says then where it is
    monkeypatch.setattr(client, "BASELINES_WALL_S", 100.0)
    spec = 'name = "d"\ntitle = "t"\nmetric = "m"\nminimum_effect = 0.1\ntrain_sample = 1\n'
    (tmp_path / "domain.toml").write_text(spec)
    (tmp_path / "domain.py").write_text(DOMAIN.replace("RUNNER", name))
    assert asyncio.run(_graded(tmp_path, "6 * 7")) == (42.0, 6.0)
