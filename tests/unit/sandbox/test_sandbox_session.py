"""Order, retries, and the end of an execution."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from engine.errors import SiaError
from engine.sandbox import Isolation, open_sandbox, process_tree, run_harness
from tests.unit.sandbox.running import LIMITS, Echo, jobs, program, run, wait_until_gone

RANDOM = """
import os, random
def prepare(ctx):
    return ctx.rng.random()
def solve(instance, ctx):
    words = sorted({str(ctx.rng.random()) for _ in range(5)}, key=hash)
    return [instance.data, ctx.prepared, ctx.rng.random(), random.random(), words, hash("x")]
"""
SLEEP = """
import subprocess
def solve(instance, ctx):
    if instance.data:
        subprocess.run(["sleep", "1000"])
"""


def test_results_do_not_depend_on_the_number_of_workers(isolation: Isolation) -> None:
    alone, together = (run(RANDOM, range(12), isolation, workers=workers) for workers in (1, 3))
    assert [outcome.answer for outcome in alone] == [outcome.answer for outcome in together]


def test_isolated_instances_answer_the_same(isolation: Isolation) -> None:
    async def collect(kind: str) -> list[object]:
        harness = program(RANDOM, isolation=kind)
        outcomes = run_harness(harness, jobs(range(4)), workers=2, broker=Echo(), isolation=isolation)
        return sorted([outcome.answer async for outcome in outcomes])

    assert asyncio.run(collect("instance")) == asyncio.run(collect("execution"))


def test_outcomes_come_as_they_finish(isolation: Isolation) -> None:
    async def first() -> str:
        outcomes = run_harness(program(SLEEP), jobs([True, False]), workers=2, broker=Echo(), isolation=isolation)
        async with contextlib.aclosing(outcomes):
            return (await anext(outcomes)).key

    assert asyncio.run(first()) == "key1"


def test_what_prepare_did_is_told(isolation: Isolation) -> None:
    source = "def prepare(ctx):\n    print('hello')\n    sum(range(3_000_000))\ndef solve(i, c):\n    pass"

    async def prepared() -> None:
        async with open_sandbox(program(source), workers=1, broker=Echo(), isolation=isolation) as session:
            assert session.prepared.log == "hello\n"
            assert session.prepared.cpu_s > 0
            assert session.prepared.failure is None
            for _ in range(2):
                assert [outcome.failure async for outcome in session.solve(jobs([1, 2]))] == [None, None]

    asyncio.run(prepared())


def test_a_job_that_only_waited_is_tried_once_more_alone(isolation: Isolation) -> None:
    # The first try waits for ever, the second is told from it by what the broker counts.
    class Counting(Echo):
        async def call(self, job_key: str | None, op: str, payload: object, ordinal: int) -> object:
            self.calls.append((job_key, op, ordinal))
            return sum(key == job_key for key, _, _ in self.calls)

    source = """
    import time
    def solve(instance, ctx):
        if ctx.tools.call("try") < instance.data:
            time.sleep(1000)
        return "done"
    """
    broker = Counting()
    limits = LIMITS.__class__(wall_s=0.3)
    patient, twice, thrice = run(source, [1, 2, 3], isolation, broker=broker, limits=limits)
    assert (patient.answer, twice.answer) == ("done", "done")
    assert thrice.failure is not None
    assert thrice.failure.kind == "timeout"
    assert [call for call in broker.calls if call[0] == "key2"] == [("key2", "tools.call", 0)] * 2


def test_the_broker_s_time_is_not_the_job_s(isolation: Isolation) -> None:
    class Slow(Echo):
        async def call(self, job_key: str | None, op: str, payload: object, ordinal: int) -> object:
            await asyncio.sleep(0.8)
            return ordinal

    limits = LIMITS.__class__(wall_s=0.5)
    (outcome,) = run("def solve(i, c):\n    return c.model.chat([])", [0], isolation, broker=Slow(), limits=limits)
    assert outcome.answer == 0
    assert outcome.wall_s < 0.5


def test_closing_the_iterator_kills_everything(
    isolation: Isolation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    async def close_early() -> list[int]:
        outcomes = run_harness(program(SLEEP), jobs([False, True, True]), workers=2, broker=Echo(), isolation=isolation)
        await anext(outcomes)
        pids = list(process_tree.descendants(os.getpid()))
        assert pids
        await outcomes.aclose()
        return pids

    assert wait_until_gone(asyncio.run(close_early()), 2.0) == []
    assert list(tmp_path.iterdir()) == []


def test_cancelling_kills_everything(isolation: Isolation) -> None:
    async def cancelled() -> list[int]:
        async def consume() -> None:
            async for _ in run_harness(program(SLEEP), jobs([True]), workers=1, broker=Echo(), isolation=isolation):
                pass

        task = asyncio.create_task(consume())
        while len(pids := list(process_tree.descendants(os.getpid()))) < 4 and not task.done():
            await asyncio.sleep(0.01)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        return pids

    assert wait_until_gone(asyncio.run(cancelled()), 2.0) == []


ENGINE = f"""
import asyncio, os, sys
sys.path.insert(0, {str(Path(__file__).parents[3])!r})
from tests.unit.sandbox.running import *
from engine.sandbox import probe
source = "import subprocess\\ndef solve(i, c):\\n    c.model.chat([])\\n    subprocess.run(['sleep', '1000'])"
class Tell:
    async def call(self, *args):
        print("solving", flush=True)
run(source, [1], probe() if sys.argv[1] == "sandbox" else Isolation.unsafe(), broker=Tell())
"""


@pytest.mark.parametrize("mode", ["sandbox", "unsafe"])
def test_everything_dies_with_a_killed_engine(best: Isolation, mode: str) -> None:
    with subprocess.Popen([sys.executable, "-c", ENGINE, mode], stdout=subprocess.PIPE, text=True) as engine:
        assert engine.stdout
        assert engine.stdout.readline() == "solving\n"
        pids = list(process_tree.descendants(engine.pid))
        assert len(pids) >= 3
        engine.send_signal(signal.SIGKILL)
        engine.wait()
        assert wait_until_gone(pids) == []


def test_a_sandbox_killed_from_outside_is_started_again(best: Isolation) -> None:
    class Murder(Echo):
        async def call(self, job_key: str | None, op: str, payload: object, ordinal: int) -> object:
            self.calls.append((job_key, op, ordinal))
            if len(self.calls) == 1:
                for pid in process_tree.descendants(os.getpid()):
                    if b"bwrap" in Path(f"/proc/{pid}/cmdline").read_bytes():
                        os.kill(pid, signal.SIGKILL)
                        break
            return "again"

    source = "def solve(i, c):\n    return c.tools.call('x') if i.data else 'fine'"
    murdered, other = run(source, [True, False], best, broker=Murder())
    assert (murdered.answer, other.answer) == ("again", "fine")


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


@pytest.mark.parametrize("kills", [1, 2])
def test_a_job_whose_parent_was_killed_runs_again_alone_before_it_counts(best: Isolation, kills: int) -> None:
    """The kernel kills any process when memory runs out; a harness that kills its parent does so again."""
    of_others = set(process_tree.descendants(os.getpid()))

    class OutOfMemory(Echo):
        async def call(self, job_key: str | None, op: str, payload: object, ordinal: int) -> object:
            self.calls.append((job_key, op, ordinal))
            if len(self.calls) <= kills:
                tree = set(process_tree.descendants(os.getpid())) - of_others
                (job,) = tree - {parent(pid) for pid in tree}
                os.kill(parent(job), signal.SIGKILL)
            return "again"

    (outcome,) = run("def solve(i, c):\n    return c.tools.call('x')", [1], best, broker=OutOfMemory(), workers=1)
    if kills == 1:
        assert outcome.answer == "again"
    else:
        assert outcome.failure and outcome.failure.kind == "candidate"


def test_a_machine_that_starts_nothing_is_no_failure_of_the_harness() -> None:
    broken = Isolation("full", "user", "/bin/false")
    (outcome,) = run("def solve(i, c):\n    pass", [1], broken)
    assert outcome.failure is not None
    assert outcome.failure.kind == "infrastructure"


def test_nothing_runs_without_a_sandbox_unless_told() -> None:
    with pytest.raises(SiaError, match="no sandbox"):
        run("def solve(i, c):\n    pass", [1], Isolation("none", "none"))


@pytest.mark.parametrize(
    "source", ["def solve(", "import nowhere", "def prepare(ctx): 1/0\ndef solve(i, c): pass", "x = 1"]
)
def test_a_harness_that_cannot_be_prepared_fails_every_job(isolation: Isolation, source: str) -> None:
    outcomes = run(source, [1, 2], isolation)
    assert [outcome.failure and outcome.failure.kind for outcome in outcomes] == ["candidate", "candidate"]


def test_no_job_is_no_work(isolation: Isolation) -> None:
    assert run(SLEEP, [], isolation) == []


def test_the_folder_of_a_killed_unsafe_engine_is_cleared_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with subprocess.Popen(["true"]) as dead:
        dead.wait()
    (tmp_path / f"sia-unsafe-{dead.pid}-x" / "scratch").mkdir(parents=True)
    run("def solve(i, c):\n    pass", [1], Isolation.unsafe())
    assert list(tmp_path.iterdir()) == []
