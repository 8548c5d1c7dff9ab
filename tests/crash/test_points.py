"""Crash points x commands: a kill, a full disk, an I/O error or a short write at any call that changes a file.

The command again, or `resume`, recovers: the workspace is whole, and says what it says after a calm command.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator

import pytest

from tests.crash.points.deaths import Deaths
from tests.crash.points.machine import machine
from tests.crash.points.scenes import Stage
from tests.crash.points.trials import FAULTS, Trial, problem, problem_after, sample

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
def test_a_kill_leaves_what_was_there_when_its_call_began(stage: Stage) -> None:
    deaths = Deaths(stage, "gc")  # it writes no time of day, and no id
    assert 1 < len(deaths.found) < deaths.points
    for point in range(1, deaths.points + 1):
        stage.begin("gc")
        assert stage.machine.sia(*stage.scenes["gc"].command, mode="kill", point=point).code < 0
        assert deaths.state() == deaths.states[point], point


@pytest.mark.slow
@pytest.mark.timeout(20_000)
@pytest.mark.parametrize("name", ALL)
def test_a_kill_at_any_call_is_recovered_from(stage: Stage, name: str) -> None:
    dice = random.Random(f"{name} {SEED}")
    trials = list(sample(stage, name, "kill", 1_000_000, SEED))
    twice = [trial._replace(again=dice.randint(1, trial.point)) for trial in trials[: len(trials) if WHOLE else 5 : 10]]
    if not WHOLE:
        check(stage, trials[:5] + twice)
        return
    deaths = Deaths(stage, name)
    problems = [text for death in deaths.found if (text := problem_after(stage, name, death))]
    print(f"{name}: {deaths.points} calls, {len(deaths.found)} states recovered from, {len(twice)} killed again")
    assert not problems, f"{len(problems)} of {len(deaths.found)} deaths:\n" + "\n".join(problems)
    check(stage, twice)


@pytest.mark.slow
@pytest.mark.timeout(20_000)
@pytest.mark.parametrize("mode", FAULTS)
@pytest.mark.parametrize("name", ALL)
def test_a_fault_at_any_call_is_recovered_from(stage: Stage, name: str, mode: str) -> None:
    trials = list(sample(stage, name, mode, 1_000_000 if WHOLE else 1, SEED))
    print(f"{name}: {len(trials)} faults of the mode {mode}")
    check(stage, trials)
