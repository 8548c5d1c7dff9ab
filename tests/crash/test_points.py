"""Crash points x commands: a kill, a full disk, an I/O error or a short write at any call that changes a file.

The command again, or `resume`, recovers: the workspace is whole, and says what it says after a calm command.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator

import pytest

from tests.crash.points.machine import machine
from tests.crash.points.scenes import Stage
from tests.crash.points.trials import FAULTS, Trial, problem, sample

QUICK = ("run", "note", "rename", "export", "import", "rebuild", "accept-loss")
ALL = (*QUICK, "resume", "test", "fork", "rm", "gc", "branch", "approve")
SEED = int(os.environ.get("SIA_CRASH_SEED", "1"))
WHOLE = os.environ.get("SIA_CRASH_POINTS") == "all"


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with machine(tmp_path_factory.mktemp("machine")) as made:
        yield Stage(made)


def check(stage: Stage, trials: list[Trial]) -> None:
    """Fails with all problems at once."""
    problems = [text for trial in trials if (text := problem(stage, trial))]
    assert not problems, f"{len(problems)} of {len(trials)} trials:\n" + "\n".join(problems)


def test_a_few_kills_and_faults_in_commands_that_write(stage: Stage) -> None:
    kills = [trial for name in QUICK for trial in sample(stage, name, "kill", 2, SEED)]
    faults = [next(sample(stage, name, mode, 1, SEED)) for name, mode in zip(QUICK[1:], FAULTS * 2, strict=True)]
    check(stage, kills + faults)


@pytest.mark.slow
@pytest.mark.timeout(20_000)
@pytest.mark.parametrize("name", ALL)
def test_a_kill_at_any_call_is_recovered_from(stage: Stage, name: str) -> None:
    trials = list(sample(stage, name, "kill", 1_000_000 if WHOLE else 5, SEED))
    dice = random.Random(f"{name} {SEED}")
    twice = [trial._replace(again=dice.randint(1, trial.point)) for trial in trials[:: 10 if WHOLE else 5]]
    check(stage, trials + twice)


@pytest.mark.slow
@pytest.mark.timeout(20_000)
@pytest.mark.parametrize("mode", FAULTS)
@pytest.mark.parametrize("name", ALL)
def test_a_fault_at_any_call_is_recovered_from(stage: Stage, name: str, mode: str) -> None:
    check(stage, list(sample(stage, name, mode, 1_000_000 if WHOLE else 1, SEED)))
