"""One kernel runner and one naive grader for all tests, and a cascade over cases that are small."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from domains.trimul import cases, suite
from engine.grading.kernel_runner import SandboxedKernelRunner
from tests import kernel_runners

SMALL = cases.Case(16, 1, 32, True, "normal")


@pytest.fixture(scope="session")
def runner() -> Iterator[SandboxedKernelRunner]:
    yield from kernel_runners.opened()


@pytest.fixture(scope="session")
def naive() -> Iterator[Callable[[str], float]]:
    """The score of a source with the grader of naive.py, whichever way of expecting suits the source."""
    command = [sys.executable, str(Path(__file__).with_name("naive.py"))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin and process.stdout
        asks, answers = process.stdin, process.stdout

        def score(source: str) -> float:
            for expects in ("before", "after"):
                print(json.dumps([source, expects]), file=asks, flush=True)
            return max(float(answers.readline()) for _ in range(2))

        yield score
        asks.close()


@pytest.fixture(autouse=True)
def one_small_case(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cascade is the same over fewer and smaller cases."""
    monkeypatch.setattr(cases, "TIMED", [SMALL])
    monkeypatch.setattr(suite, "BLOCKS", 1)
