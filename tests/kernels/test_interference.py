"""The same kernel beside steady work of others: its score is the quiet machine's, or it is marked."""

from __future__ import annotations

import contextlib
import math
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from domains.trimul import cases, suite
from domains.trimul.suite import Timed
from engine.compute import interference
from engine.grading.kernel_runner import SandboxedKernelRunner

pytestmark = pytest.mark.kernels
pytest.importorskip("torch", reason="needs pip install 'sia-tui[kernels]'")
FUSED = (Path(suite.__file__).parent / "references" / "fused.py").read_text()
LOAD = """
import sys, time
busy_s = 0.1 * float(sys.argv[1])
print(flush=True)
while True:
    until = time.process_time() + busy_s
    while time.process_time() < until:
        pass
    time.sleep(0.1 - busy_s)
"""
BUSY_ITSELF = """
import os, time
def custom_kernel(data):
    if (child := os.fork()) == 0:
        until = time.process_time() + 0.05
        while time.process_time() < until:
            pass
        os._exit(0)
    answer = honest(data)
    os.waitpid(child, 0)  # what runs on after the call is refused
    return answer
"""
CASE = cases.Case(64, 1, 128, True, "normal")


@pytest.fixture(autouse=True)
def one_case(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cases, "TIMED", [CASE])
    monkeypatch.setattr(cases, "CHECKED", cases.CHECKED[:1])
    monkeypatch.setattr(cases, "hidden", lambda _: [])
    monkeypatch.setattr(suite, "BLOCKS", 6)


@contextlib.contextmanager
def steady(processes: int, share: float) -> Iterator[None]:
    """Others: so many processes, each at work for that share of the time."""
    command = [sys.executable, "-c", LOAD, str(share)]
    others: list[subprocess.Popen[bytes]] = []
    try:
        for _ in range(processes):
            others.append(subprocess.Popen(command, stdout=subprocess.PIPE))
            assert (printed := others[-1].stdout) and printed.readline()
        yield
    finally:
        for one in others:
            one.kill()
        for one in others:
            one.communicate(timeout=30)


def timed(runner: SandboxedKernelRunner, source: str = FUSED) -> Timed:
    answer: dict[str, Any] = {"language": "torch", "source": source}
    (found,) = suite.run(answer, runner)
    return found


def test_beside_as_many_busy_processes_as_processors_a_score_is_marked(runner: SandboxedKernelRunner) -> None:
    with steady(len(os.sched_getaffinity(0)), 1.0):
        assert timed(runner).disturbed


@pytest.mark.parametrize("share", [0.05, 0.2, 0.5])
def test_beside_a_steady_load_a_score_is_the_quiet_machines_within_its_error_or_marked(
    runner: SandboxedKernelRunner, share: float
) -> None:
    quiet = timed(runner)
    if quiet.disturbed:
        pytest.skip(f"the machine is not quiet: {quiet.disturbed}")
    with steady(1, share):
        beside = timed(runner)
    error = math.hypot(quiet.spread, beside.spread)
    assert beside.disturbed or abs(math.log(beside.ratio / quiet.ratio)) < 4 * error + 0.02


def test_a_candidate_that_keeps_the_processors_busy_itself_is_not_disturbed_by_others(
    runner: SandboxedKernelRunner,
) -> None:
    if not interference.is_quiet(interference.Reader()) or timed(runner).disturbed:
        pytest.skip("the machine is not quiet")
    reference = (Path(suite.__file__).parent / "references" / "reference.py").read_text()
    busy = timed(runner, reference.replace("def custom_kernel", "def honest") + BUSY_ITSELF)
    assert not busy.disturbed
