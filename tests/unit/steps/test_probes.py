"""The lab tries proposals side by side, records them in order, within the budget, and none twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace

from domains.contract import Grade, Instance
from engine.agents.protocol import ProbeRequest
from engine.evaluation.errors import InfrastructureFailure
from engine.evaluation.evaluate import Evaluation
from engine.evaluation.trial import Answer, GradedAnswer, Trial
from engine.events import types as t
from engine.events.log import RunLog
from engine.run.live_run import Ports, Run
from engine.steps import probes
from engine.steps.probes import FoldLab, of_same_code
from harness_repo.harness import parse
from tests.histories import SEED_HARNESS, Play, settings, started

ASKS = [ProbeRequest(i, {"skill": i}, "a try") for i in range(4)]


class Sandbox:
    """Stands for `evaluate`: later proposals are done first, and one may break."""

    def __init__(self) -> None:
        self.tried: list[int] = []
        self.asked: list[tuple[str, int]] = []
        self.breaks: int | None = None

    async def __call__(
        self, evaluation: Evaluation, todo: Sequence[Trial], _on_prepared: Any
    ) -> AsyncIterator[GradedAnswer]:
        skill = int(evaluation.harness.params["skill"])
        self.tried.append(skill)
        self.asked += [(trial.instance, trial.repeat) for trial in todo]
        for _turn in range(10 - skill):
            await asyncio.sleep(0)
        if skill == self.breaks:
            raise InfrastructureFailure("broken")
        for trial in reversed(todo):
            yield GradedAnswer(Answer(trial, skill, None, 0.1, 0.1, ""), Grade(skill / 10))


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    made = Sandbox()
    monkeypatch.setattr(probes, "evaluate", made)
    return made


def run_of(log: RunLog, **changes: object) -> Run:
    """A run that has just been analysed."""
    play = Play(log, started(settings(**changes)))  # type: ignore[arg-type]
    for kind, at in (("baseline", 0), ("write", 0)):
        play.perform(kind, at, 1)  # type: ignore[arg-type]
    told = SimpleNamespace(learns=True, limits=None, noisy=False)
    spec = SimpleNamespace(folder=SimpleNamespace(spec=told, verifier=None))
    run = Run(log, Ports(spec, None, None, None, workers=4))  # type: ignore[arg-type]
    run.catch_up()
    run.domain._train = [Instance(f"train-{i}", i, i) for i in range(6)]
    return run


def lab(run: Run, attempt: int = 0) -> FoldLab:
    return FoldLab(run, 1, attempt, parse(SEED_HARNESS))


def test_results_come_and_are_recorded_in_the_order_of_the_asks(log: RunLog, sandbox: Sandbox) -> None:
    run = run_of(log)
    found = asyncio.run(lab(run).probe(ASKS))
    assert [probe.ordinal for probe in found] == [0, 1, 2, 3]
    assert [probe.score.score for probe in found] == pytest.approx([0, 0.1, 0.2, 0.3])
    assert run.effects.probes == found
    assert all(log.reader.blob(probe.items) for probe in found)


@pytest.mark.parametrize(
    ("file", "content", "kept"),
    [
        ("params.toml", b"skill = 3\n", [0, 1, 2, 3]),
        ("agent.py", b"def solve(instance, ctx):\n    return 1\n", []),
        ("harness.toml", b'name = "toy"\n[tunables.skill]\ntype = "int"\nlow = 2\nhigh = 9\n', []),
    ],
)
def test_probes_of_other_code_say_nothing_of_this_one(
    log: RunLog, sandbox: Sandbox, file: str, content: bytes, kept: list[int]
) -> None:
    """A fork with an edited `agent.py` once believed the scores of the old code."""
    run = run_of(log)
    found = asyncio.run(lab(run).probe(ASKS))
    edited = parse({**SEED_HARNESS, file: content, "params.toml": b"skill = 3\n"})
    for _ in range(2):  # computed, and remembered
        known = asyncio.run(of_same_code(run, edited, found))
        assert [probe.ordinal for probe in known] == kept


def test_a_fold_is_the_same_for_all_probes_of_a_run(log: RunLog, sandbox: Sandbox) -> None:
    asyncio.run(lab(run_of(log, repeats=2)).probe(ASKS))
    assert len(set(sandbox.asked)) == 3 * 2
    assert len(sandbox.asked) == 4 * 3 * 2


@pytest.mark.parametrize(("repeats", "cap", "tried"), [(1, 14 + 6, 2), (1, 14 + 5, 1), (2, 28 + 6, 1), (2, 28 + 5, 0)])
def test_the_execution_to_come_stays_paid_for(
    log: RunLog, sandbox: Sandbox, repeats: int, cap: int, tried: int
) -> None:
    run = run_of(log, repeats=repeats, budget=t.Budget(evaluations=cap))
    found = asyncio.run(lab(run).probe(ASKS))
    assert len(found) == len(sandbox.tried) == tried
    assert run.state.spent.evaluations <= cap - 14 * repeats


def test_an_improvement_that_is_asked_again_takes_what_is_recorded(log: RunLog, sandbox: Sandbox) -> None:
    run = run_of(log)
    first = asyncio.run(lab(run).probe(ASKS[:2]))
    again = asyncio.run(lab(run).probe(ASKS))
    assert again[:2] == first
    assert sorted(sandbox.tried) == [0, 1, 2, 3]
    assert len(run.effects.probes) == 4


def test_what_the_lineage_has_tried_is_taken_over_and_counts(log: RunLog, sandbox: Sandbox) -> None:
    run = run_of(log)
    asyncio.run(lab(run).probe(ASKS[:2]))
    again = asyncio.run(lab(run, attempt=1).probe(ASKS[:2]))
    assert [probe.reused for probe in again] == [True, True]
    assert sorted(sandbox.tried) == [0, 1]
    assert run.state.spent.evaluations + run.state.spent.reused == 2 * 2 * 3


def test_where_the_sandbox_breaks_the_others_are_given_up(log: RunLog, sandbox: Sandbox) -> None:
    run = run_of(log)
    sandbox.breaks = 1
    with pytest.raises(InfrastructureFailure, match="broken"):
        asyncio.run(lab(run).probe(ASKS))
    assert [probe.ordinal for probe in run.effects.probes] == [0]


def test_the_scores_of_a_probe_are_told_by_instance(log: RunLog, sandbox: Sandbox) -> None:
    tries = lab(run_of(log, probe_fold=3, repeats=2))
    (found,) = asyncio.run(tries.probe(ASKS[2:3]))
    scores = asyncio.run(tries.scores(found))
    assert len(scores) == 3
    assert set(scores.values()) == {0.2}
    assert asyncio.run(tries.scores(replace(found, items=""))) == {}
