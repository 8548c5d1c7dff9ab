"""Of several proposals the best on the fold goes on, and is tuned where it asks for that."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace

from domains.contract import Grade, Instance
from engine.agents import numbers
from engine.agents.protocol import NoProposal, PastGeneration, ProbeRequest, Proposal
from engine.evaluation.evaluate import Evaluation
from engine.evaluation.trial import Answer, GradedAnswer, Trial
from engine.events import types as t
from engine.events.log import RunLog
from engine.run.live_run import Ports, Run
from engine.run.versions import harness_written
from engine.steps import probes
from engine.steps.improvement import make_view
from engine.steps.proposals import choose
from harness_repo.harness import Harness, parse
from harness_repo.objects import Version
from tests.histories import SEED_HARNESS, Play, settings, started


def made(skill: int, text: str = "", count: int = 0) -> Proposal:
    files = {**SEED_HARNESS, "params.toml": f"skill = {skill}\n".encode(), "notes.md": text.encode()}
    return Proposal(parse(files), f"skill {skill}.", f"skill → {skill}", tune=count)


class Inventor:
    """Makes the alternatives that it was given, in order."""

    name = "fake"

    def __init__(self, *others: Proposal | NoProposal) -> None:
        self.others = list(others)
        self.told: list[int] = []

    async def alternative(self, view: Any, so_far: Sequence[Proposal], tools: Any) -> Proposal | NoProposal:
        self.told.append(len(so_far))
        return self.others.pop(0)


class _ImprovementBegins(Exception):
    """The first Improvement is open."""


class _Play(Play):
    def _improve(self, generation: int) -> None:
        raise _ImprovementBegins


def program(skill: float) -> Proposal:
    """A program that declares nothing; it is the better, the nearer its number is to 5."""
    agent = b"SKILL = %.1f\n\n\ndef solve(instance, ctx):\n    return SKILL\n" % skill
    return Proposal(parse({"harness.toml": b'name = "p"\n', "agent.py": agent}), f"skill {skill}.", "agent.py")


def skill_of(harness: Harness) -> float:
    return float(harness.files["agent.py"].split()[2])


async def _evaluate(evaluation: Evaluation, todo: Sequence[Trial], _prepared: Any) -> AsyncIterator[GradedAnswer]:
    if "skill" not in evaluation.harness.params:
        for trial in todo:
            yield GradedAnswer(
                Answer(trial, 1, None, 0.1, 0.1, ""), Grade(1 - abs(skill_of(evaluation.harness) - 5) / 10)
            )
        return
    skill = int(evaluation.harness.params["skill"])
    failure = t.Failure("candidate", "no") if skill == 13 else None
    for trial in todo:
        yield GradedAnswer(Answer(trial, skill, failure, 0.1, 0.1, ""), Grade(skill / 10))


@pytest.fixture(autouse=True)
def evaluated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "evaluate", _evaluate)


def chosen(
    log: RunLog,
    first: Proposal,
    *others: Proposal | NoProposal,
    best: Harness | None = None,
    train: int = 6,
    **changes: object,
) -> tuple[Proposal, Run]:
    agent = Inventor(*others)
    play = _Play(log, started(settings(proposals=1 + len(others), **changes)))  # type: ignore[arg-type]
    with contextlib.suppress(_ImprovementBegins):
        play.to_rest()
    told = SimpleNamespace(learns=True, limits=None, noisy=False)
    spec = SimpleNamespace(folder=SimpleNamespace(spec=told, verifier=None))
    run = Run(log, Ports(spec, None, agent, None, workers=4))  # type: ignore[arg-type]
    run.catch_up()
    run.domain._train = [Instance(f"train-{i}", i, i) for i in range(train)]

    async def tools(number: int) -> Any:
        return number

    view = make_view(run, 1)
    found = asyncio.run(choose(run, replace(view, harness=best or view.harness), first, tools))
    assert len(agent.told) == len(others)
    assert agent.told[:1] in ([1], [])
    return found, run


def test_the_best_on_the_fold_goes_on(log: RunLog) -> None:
    found, run = chosen(log, made(3), made(7), made(5))
    assert found.harness.params == {"skill": 7}
    assert found.alternative, "the Analysis had decided on another"
    assert found.reason == "skill 7. Of 3 proposals it scored best on a fold of train: 0.7000, beside 0.3000, 0.5000."
    assert [probe.why for probe in run.effects.probes] == [
        f"proposal {n} of 3: skill → {skill}" for n, skill in ((1, 3), (2, 7), (3, 5))
    ]


def test_one_proposal_is_not_probed(log: RunLog) -> None:
    found, run = chosen(log, made(3))
    assert found == made(3)
    assert run.effects.probes == []


def test_an_alternative_that_was_not_found_or_fails_does_not_count(log: RunLog) -> None:
    found, run = chosen(log, made(3), NoProposal("nothing"), made(13))
    assert found.harness == made(3).harness
    assert len(run.effects.probes) == 2


def test_one_that_stopped_early_is_not_chosen(log: RunLog, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it scored on the first instances is no score on the fold, however good."""
    measured = probes.measure

    async def stopping(named: Any, *rest: Any, **options: Any) -> Any:
        finished, found = await measured(named, *rest, **options)
        stopped = t.Stopped(after=1, of=6, against="k", same=1.0, whole=1.0) if named.ordinal == 1 else None
        return replace(finished, stopped=stopped), found

    monkeypatch.setattr(probes, "measure", stopping)
    found, run = chosen(log, made(3), made(7), made(5))
    assert [probe.stopped is not None for probe in run.effects.probes] == [False, True, False]
    assert found.harness.params == {"skill": 5}


def test_what_cannot_be_paid_is_not_tried(log: RunLog) -> None:
    found, run = chosen(log, made(3), made(7), budget=t.Budget(evaluations=14 * 2 + 2))
    assert found == made(3)
    assert run.effects.probes == []


def test_the_chosen_one_is_tuned_and_what_is_recorded_is_not_tried_again(log: RunLog) -> None:
    found, run = chosen(log, made(3), made(7, "other", count=6))
    assert found.harness.params["skill"] > 7
    assert "Of 2 proposals" in found.reason
    assert "Tuned: skill 7 → " in found.reason
    recorded = list(run.effects.probes)
    assert len({probe.ordinal for probe in recorded}) == len(recorded) <= 2 + 6
    run.ports.agent.others = [made(7, "other", count=6)]  # type: ignore[attr-defined]

    async def tools(number: int) -> Any:
        return number

    assert asyncio.run(choose(run, make_view(run, 1), made(3), tools)) == found
    assert run.effects.probes == recorded


def test_what_one_search_may_not_vary_is_known_to_another_that_may(log: RunLog) -> None:
    """Else a run that was killed would race other probes than one that goes on."""
    best = program(4.0).harness
    narrow, wide = numbers.searched(best, 1.1), numbers.searched(best, 3.0)
    assert narrow is not None and wide is not None
    _, run = chosen(log, made(3))
    found = asyncio.run(probes.FoldLab(run, 1, 0, wide).probe([ProbeRequest(0, {"SKILL": 8.0}, "far")]))
    assert asyncio.run(probes.of_same_code(run, narrow, found)) == []
    assert asyncio.run(probes.of_same_code(run, wide, found)) == found


def test_the_numbers_of_a_proposal_are_tuned_where_the_run_asks_for_it(log: RunLog) -> None:
    first, best = program(4.0), program(2.0).harness
    found, run = chosen(log, first, best=best, tune=8)
    assert 4 < skill_of(found.harness) < 6
    assert found.harness.files.keys() == best.files.keys()
    assert found.harness.files["harness.toml"] == best.files["harness.toml"]
    assert found.reason.startswith("skill 4.0. Tuned: SKILL 4.0 → ")
    assert not found.alternative
    asked = list(run.effects.probes)
    assert len({probe.ordinal for probe in asked}) == len(asked) <= 2 + 8

    async def tools(number: int) -> Any:
        return number

    again = asyncio.run(choose(run, replace(make_view(run, 1), harness=best), first, tools))
    assert again == found
    assert list(run.effects.probes) == asked, "what is recorded is not tried again"


def test_where_the_proposal_is_worse_the_best_candidates_numbers_are_tuned(log: RunLog) -> None:
    found, _ = chosen(log, program(9.0), best=program(4.0).harness, tune=8)
    assert 4 < skill_of(found.harness) < 6
    assert found.alternative, "the Analysis had decided on another"
    assert found.reason == "The best candidate (0.9000) was tuned, as the proposal had 0.6000 on train: skill 9.0."
    assert found.changed.startswith("SKILL 4.0 → ")


@pytest.mark.parametrize(
    ("new", "more"), [(b"abs(SKILL)", {}), (b"max(SKILL, 99)", {}), (b"min(SKILL, 99)", {"more.py": b"KIND = 1\n"})]
)
def test_a_worse_proposal_of_another_structure_is_tuned_since_its_numbers_were_made_for_another(
    log: RunLog, new: bytes, more: dict[str, bytes]
) -> None:
    before = {name: content.replace(b"return SKILL", b"return min(SKILL, 99)") for name, content in _FIVE.items()}
    agent = _FIVE["agent.py"].replace(b"5.0", b"3.0").replace(b"return SKILL", b"return " + new)
    other = Proposal(parse({**before, "agent.py": agent, **more}), "another.", "agent.py")
    found, _ = chosen(log, other, best=parse(before), tune=8)
    assert 3 < skill_of(found.harness) < 7
    assert new in found.harness.files["agent.py"]
    assert found.harness.files.keys() == other.harness.files.keys()
    assert not found.alternative


_FIVE = program(5.0).harness.files


def test_a_proposal_is_compared_with_the_best_candidate_and_not_with_other_probes(log: RunLog) -> None:
    """What an earlier search found, the gate may have rejected."""
    best = program(4.0).harness
    _, run = chosen(log, program(4.5), best=best, tune=8, probe_fold=40, train=60)
    view = replace(make_view(run, 1), harness=best, attempt=1)

    async def tools(number: int) -> Any:
        return number

    found = asyncio.run(choose(run, view, program(4.4), tools))
    compared = [one for one in run.effects.probes_of(1, 1) if one.ordinal == 1]
    assert [one.stopped for one in compared] == [None]
    assert found.reason.startswith("skill 4.4.")


def test_where_no_number_is_better_or_there_is_none_the_proposal_goes_on_as_it_is(log: RunLog) -> None:
    assert chosen(log, program(9.0), best=program(5.0).harness, tune=8)[0] == program(9.0)


@pytest.mark.parametrize("declined", [False, True])
def test_numbers_that_were_judged_or_declined_are_not_proposed_again(log: RunLog, *, declined: bool) -> None:
    first, best = program(9.0), program(4.0).harness
    found, run = chosen(log, first, best=best, tune=8)
    version = Version(found.harness.files, [], 2, "harness", "person", "before")
    event, contents = harness_written(version, "")
    run.append(1, event, contents=contents)
    view = replace(make_view(run, 1), harness=best)
    if declined:
        run.state = replace(run.state, declined=(event,))
    else:
        view = replace(view, past=[PastGeneration(2, "", {}, "harness", "", accepted=False, verdict="")])

    async def tools(number: int) -> Any:
        return number

    assert asyncio.run(choose(run, view, first, tools)) == first


def test_declared_tunables_are_tuned_without_being_asked_for(log: RunLog) -> None:
    found, _ = chosen(log, made(3), tune=8)
    assert found.harness.params["skill"] > 3
    assert "Tuned: skill 3 → " in found.reason


def test_a_proposal_without_numbers_is_judged_as_it_is(log: RunLog) -> None:
    without = Proposal(parse({"harness.toml": b'name = "p"\n', "agent.py": _NO_NUMBER}), "a rule.", "agent.py")
    found, run = chosen(log, without, best=program(4.0).harness, tune=8)
    assert found == without
    assert run.effects.probes == []


_NO_NUMBER = b"def solve(instance, ctx):\n    return instance\n"
