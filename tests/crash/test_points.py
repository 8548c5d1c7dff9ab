"""Crash points x commands: a kill, a full disk, an I/O error or a short write at any call that changes a file.

The command again, or `resume`, recovers: the workspace is whole, and says what it says after a calm command. This is a
sample; `make test-crash` is the whole.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator

import pytest

from tests.crash.points.deaths import Deaths, PowerCuts
from tests.crash.points.machine import machine
from tests.crash.points.scenes import QUICK, SCENES, Stage
from tests.crash.points.trials import FAULTS, Trial, problem, problem_after, sample

SEED = int(os.environ.get("SIA_CRASH_SEED", "1"))


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with machine(tmp_path_factory.mktemp("machine")) as made:
        yield Stage(made)


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Commands start sandboxes and grading processes."""
    with machine(tmp_path_factory.mktemp("real"), real=True) as made:
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
@pytest.mark.parametrize("torn", [False, True])
def test_a_power_cut_takes_nothing_that_was_acknowledged(stage: Stage, torn: bool) -> None:
    cuts = PowerCuts(stage, "note", torn=torn)
    assert len(cuts.found) > 3
    assert [text for death in cuts.found if (text := problem_after(stage, "note", death))] == []


@pytest.mark.slow
def test_a_disk_that_does_not_sync_loses_what_was_acknowledged(stage: Stage) -> None:
    cuts = PowerCuts(stage, "note", torn=False, ignored="-wal")
    assert any("has lost events" in problem_after(stage, "note", death) for death in cuts.found)


@pytest.mark.slow
@pytest.mark.parametrize("name", SCENES)
def test_a_kill_at_some_calls_is_recovered_from(real: Stage, name: str) -> None:
    trials = list(sample(real, name, "kill", 5, SEED))
    check(real, [*trials, trials[0]._replace(again=random.Random(f"{name} {SEED}").randint(1, trials[0].point))])


@pytest.mark.slow
@pytest.mark.parametrize("mode", FAULTS)
@pytest.mark.parametrize("name", SCENES)
def test_a_fault_at_a_call_is_recovered_from(real: Stage, name: str, mode: str) -> None:
    check(real, list(sample(real, name, mode, 1, SEED)))
