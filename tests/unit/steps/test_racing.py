"""A probe that is clearly worse than the best one stops early; the log says where, and counts what it cost."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from domains.contract import Grade, Instance
from engine.agents.portfolio import probed
from engine.agents.protocol import ProbeRequest
from engine.evaluation.evaluate import Evaluation, in_order
from engine.evaluation.trial import Answer, GradedAnswer, Trial
from engine.events import types as t
from engine.events.log import RunLog
from engine.run.live_run import Ports, Run
from engine.steps import probes
from engine.steps.probes import FoldLab
from harness_repo.harness import parse
from tests.histories import SEED_HARNESS, Play, settings, started

FOLD = 40
GOOD, WORSE, ALIKE = 90, 20, 92
FIRST = [ProbeRequest(0, {"skill": GOOD}, "the incumbent, to compare with")]
ROUND = [ProbeRequest(n, {"skill": skill}, "variation of the best probe") for n, skill in enumerate((WORSE, ALIKE), 1)]


class Sandbox:
    """Stands for `evaluate`: a harness of a skill of 90 answers nine of ten instances; counts what it answered."""

    def __init__(self) -> None:
        self.answered: Counter[int] = Counter()
        self.ahead = 0
        """So many answers arrive before their turn, as where a model is waited for."""

    async def __call__(
        self, evaluation: Evaluation, todo: Sequence[Trial], _on_prepared: Any
    ) -> AsyncIterator[GradedAnswer]:
        skill = int(evaluation.harness.params["skill"])
        ordered = in_order(todo, evaluation.seed)
        place = {name: place for place, name in enumerate(dict.fromkeys(trial.instance for trial in ordered))}
        until = len(ordered) - self.ahead
        for trial in [*ordered[until:], *ordered[:until]]:
            self.answered[skill] += 1
            right = place[trial.instance] % 10 < skill // 10
            yield GradedAnswer(Answer(trial, skill, None, 0.1, 0.1, ""), Grade(float(right)))


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    made = Sandbox()
    monkeypatch.setattr(probes, "evaluate", made)
    return made


def run_of(log: RunLog, *, noisy: bool = False, rules: int | None = None, **changes: object) -> Run:
    chosen = started(settings(probe_fold=FOLD, **changes))  # type: ignore[arg-type]
    play = Play(log, chosen if rules is None else replace(chosen, rules=rules))
    for kind, at in (("baseline", 0), ("write", 0)):
        play.perform(kind, at, 1)  # type: ignore[arg-type]
    told = SimpleNamespace(learns=True, limits=None, noisy=noisy)
    spec = SimpleNamespace(folder=SimpleNamespace(spec=told, verifier=None))
    run = Run(log, Ports(spec, None, None, None, workers=4))  # type: ignore[arg-type]
    run.catch_up()
    run.domain._train = [Instance(f"train-{i}", i, i) for i in range(2 * FOLD)]
    return run


def ask(run: Run, requests: Sequence[ProbeRequest], attempt: int = 0) -> list[t.ProbeFinished]:
    return asyncio.run(FoldLab(run, 1, attempt, parse(SEED_HARNESS)).probe(requests))


def test_a_probe_that_is_clearly_worse_stops_and_its_cost_is_counted(log: RunLog, sandbox: Sandbox) -> None:
    run = run_of(log)
    (best,) = ask(run, FIRST)
    spent = run.state.spent.evaluations
    worse, alike = ask(run, ROUND)
    assert best.stopped is None
    assert alike.stopped is None
    assert worse.stopped == t.Stopped(after=10, of=FOLD, against=best.key, same=0.9, whole=0.9)
    assert worse.evaluations == worse.score.n == 10 == sandbox.answered[WORSE]
    assert worse.why == "variation of the best probe; stopped after 10 of 40: 0.2000 against 0.9000"
    assert len(msgspec.json.decode(log.reader.blob(worse.items))) == 10
    assert run.state.spent.evaluations - spent == 10 + FOLD


def test_answers_that_arrive_before_their_turn_are_not_told_of(log: RunLog, sandbox: Sandbox) -> None:
    run = run_of(log)
    ask(run, FIRST)
    sandbox.ahead = 3
    worse, _ = ask(run, ROUND)
    assert worse.evaluations == 10 < sandbox.answered[WORSE]


def test_what_stopped_is_no_candidate_and_counts_as_far_behind_as_it_was(log: RunLog, sandbox: Sandbox) -> None:
    run = run_of(log)
    ask(run, FIRST)
    worse, alike = ask(run, ROUND)
    assert not probed.eligible(worse)
    assert probed.best([worse, alike]) == alike
    lucky = replace(worse, stopped=t.Stopped(after=10, of=FOLD, against="", same=0.95, whole=0.6))
    assert probed.expected(lucky) == pytest.approx(0.2 - 0.35)


def test_the_rival_is_the_best_before_the_round(log: RunLog, sandbox: Sandbox) -> None:
    """Whatever arrives first within a round, and however much of it was recorded before a crash."""
    run = run_of(log)
    found = ask(run, [*FIRST, *ROUND])
    assert [probe.stopped for probe in found] == [None] * 3
    assert ask(run, [*FIRST, *ROUND]) == found


def test_a_resumed_round_asks_for_as_many_as_it_would_have(log: RunLog, sandbox: Sandbox) -> None:
    """What a probe saved that was recorded before a crash is not spent by the rest of its round."""
    left = 14 + FOLD + 2 * FOLD
    run = run_of(log, budget=t.Budget(evaluations=left))
    requests = [*ROUND, ProbeRequest(3, {"skill": 87}, "variation of the best probe")]
    ask(run, FIRST)
    ask(run, requests[:1])
    assert len(ask(run, requests)) == 2


def test_what_stopped_is_reused_against_the_same_rival_alone(log: RunLog, sandbox: Sandbox) -> None:
    run = run_of(log)
    ask(run, FIRST)
    (worse,) = ask(run, ROUND[:1])
    (again,) = ask(run, ROUND[:1], attempt=1)
    assert again.reused
    assert again.why == worse.why
    ask(run, [ProbeRequest(1, {"skill": 100}, "variation")], attempt=1)
    (other,) = ask(run, [ProbeRequest(2, {"skill": WORSE}, "variation")], attempt=1)
    assert not other.reused


def test_only_contenders_are_repeated(log: RunLog, sandbox: Sandbox) -> None:
    """Also where answers are graded once all are there, as timed ones are."""
    run = run_of(log, noisy=True, repeats=3)
    (best,) = ask(run, FIRST)
    worse, alike = ask(run, ROUND)
    assert best.evaluations == alike.evaluations == 3 * FOLD
    assert worse.evaluations == sandbox.answered[WORSE] == FOLD
    assert worse.stopped == t.Stopped(
        after=FOLD, of=3 * FOLD, against=best.key, same=best.score.score, whole=best.score.score
    )


@pytest.mark.parametrize("changes", [{"noisy": True}, {"rules": 4}])
def test_there_is_no_race_where_it_saves_nothing_or_the_rules_are_older(
    log: RunLog, sandbox: Sandbox, changes: dict[str, Any]
) -> None:
    run = run_of(log, **changes)
    ask(run, FIRST)
    assert [probe.evaluations for probe in ask(run, ROUND)] == [FOLD, FOLD]
