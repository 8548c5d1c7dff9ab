"""The gate looks twice where a run has a reserve: the looks share one level, and a first one may end the comparison."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from statistics import NormalDist
from types import SimpleNamespace

import pytest
from msgspec.structs import replace

from engine.core import budget
from engine.core.account import UNUSED, Account, divide_level, pay_for_looks
from engine.core.gate import Reserve, compare
from engine.core.replay import verify
from engine.core.state import State, fold
from engine.events import types as t
from engine.events.log import RunLog
from engine.run.live_run import Ports, Run
from engine.steps.agent_view import LiveRunRecord
from engine.steps.improvement import make_view
from tests.histories import Memory, Play, settings, started
from tests.unit.core.test_replay import forged

GATE = t.Gate(minimum_effect=0.005)
COUNTS = {"train": 6, "val": 40, "test": 4, "reserve": 40}
LEVEL = 0.05 / 7


def changed(wins: int, losses: int, n: int, split: str = "i") -> dict[tuple[str, int], float]:
    """What a candidate scored on `n` instances where the incumbent scored 0: the differences, that is."""
    scores = [1.0] * wins + [-1.0] * losses + [0.0] * (n - wins - losses)
    return {(f"{split}{number:05}", 0): score for number, score in enumerate(scores)}


def judged(
    first: tuple[int, int],
    second: tuple[int, int] | None = None,
    *,
    n: int = 1000,
    gate: t.Gate = GATE,
    account: Account = UNUSED,
    level: float | None = None,
    groups: dict[str, str] | None = None,
) -> t.GateDecided:
    val, more = changed(*first, n), changed(*second, n, "r") if second else {}
    reserve = Reserve(more, dict.fromkeys(more, 0.0), groups or {}, 0.5, level)
    return compare(
        val, dict.fromkeys(val, 0.0), against=1, gate=gate, generations=8, noisy=False, rules=5, account=account,
        reserve=reserve,
    )  # fmt: skip


@pytest.mark.parametrize("level", [0.05, 0.01, LEVEL, 0.0005])
@pytest.mark.parametrize("share", [0.8, 0.5, 0.25])
def test_the_looks_spend_the_level_between_them_and_the_first_as_obrien_and_fleming(level: float, share: float) -> None:
    first, second = divide_level(level, share)
    assert first + second == level and first >= 0 and second > 0
    z = NormalDist().inv_cdf(1 - level / 2)
    assert first == pytest.approx(2 * (1 - NormalDist().cdf(z / share**0.5)), abs=1e-9)


def test_published_values_of_the_spending_function() -> None:
    """Lan and DeMets' first function at half of the information, for one-sided levels."""
    assert divide_level(0.025, 0.5)[0] == pytest.approx(0.00153, abs=1e-5)
    assert divide_level(0.05, 0.5)[0] == pytest.approx(0.00557, abs=1e-5)


def test_a_clear_gain_is_accepted_at_the_first_look() -> None:
    verdict = judged((60, 10))
    (first,) = verdict.looks
    assert (verdict.accepted, verdict.spent, verdict.n) == (True, 0.0, 1000)
    assert (verdict.p, verdict.alpha, verdict.level) == (first.p, divide_level(LEVEL, 0.5)[0], LEVEL)
    assert verdict.reason.endswith("needed below 0.00014 at the first look)")


@pytest.mark.parametrize("first", [(0, 0), (5, 5), (20, 30)])
def test_without_a_gain_the_first_look_ends_it_whatever_the_reserve_says(first: tuple[int, int]) -> None:
    verdict = judged(first, (100, 0))
    assert (verdict.accepted, len(verdict.looks), verdict.n) == (False, 1, 1000)


def test_an_open_look_is_decided_by_all_instances_with_the_rest_of_the_level() -> None:
    better, chance = judged((40, 25), (45, 25)), judged((40, 25), (30, 30))
    assert (better.accepted, chance.accepted) == (True, False)
    for verdict in (better, chance):
        first, second = verdict.looks
        assert (first.n, first.changed, second.n, verdict.n) == (1000, 65, 2000, 2000)
        assert verdict.alpha == second.alpha == LEVEL - first.alpha
        assert (verdict.p, verdict.difference, verdict.se) == (second.p, second.difference, second.se)
    assert len(better.fixed) == 85 and len(better.broken) == 50
    assert better.reason.endswith("needed below 0.007 with the reserve)") and "may be chance" in chance.reason
    assert (better.spent, chance.spent) == (0.0, pytest.approx(LEVEL))


def test_a_gain_that_is_real_and_too_small_at_the_first_look_is_looked_at_again() -> None:
    small = judged((16, 0), (40, 0), gate=t.Gate(minimum_effect=0.02))
    assert (small.accepted, len(small.looks)) == (True, 2)


def test_an_open_look_without_answers_to_the_reserve_stands() -> None:
    verdict = judged((40, 20))
    assert (verdict.accepted, len(verdict.looks)) == (False, 1)
    assert verdict.reason.endswith("at the first look)")


def test_groups_that_val_and_reserve_share_are_one_unit() -> None:
    same = {f"r{number:05}": "one document" for number in range(1000)}
    verdict = judged((40, 25), (45, 25), groups=same)
    assert (verdict.unit, verdict.n, verdict.accepted) == ("group", 1001, False)


def test_the_level_of_the_first_look_holds_whatever_the_lineage_judged_since() -> None:
    crowd = Account({f"v{number}": 0.0 for number in range(200)})
    assert judged((45, 25), (45, 25), account=crowd).level == pytest.approx(0.05 / 201)
    assert judged((45, 25), (45, 25), account=crowd, level=LEVEL).level == LEVEL


def looks(*found: tuple[int, float]) -> list[t.Look]:
    return [t.Look(1000, changed, 0.01, 0.01, p, 0.0) for changed, p in found]


EARLY, LATE = divide_level(LEVEL, 0.5)


@pytest.mark.parametrize(
    ("found", "accepted", "spent"),
    [
        (looks((60, 0.4)), False, LEVEL),  # another sign of the first look would have led to a second
        (looks((3, 0.4)), False, LATE),  # the first look could not have accepted
        (looks((0, 1.0)), False, 0.0),
        (looks((3, 0.4), (5, 0.4)), False, 0.0),  # neither could
        (looks((60, 0.1), (120, 0.1)), False, LEVEL),
        (looks((60, 0.1), (120, 0.001)), True, 0.0),
        (looks((60, EARLY / 2)), True, 0.0),
    ],
)
def test_what_two_looks_pay(found: list[t.Look], accepted: bool, spent: float) -> None:
    payment = pay_for_looks(0.05, LEVEL, 0.5, found, accepted=accepted)
    assert payment.spent == pytest.approx(spent) and not payment.beyond


def test_what_is_left_is_divided_in_the_same_way_and_an_acceptance_beyond_it_says_so() -> None:
    found = looks((60, 0.1), (120, LATE - 1e-6))
    assert pay_for_looks(LEVEL, LEVEL, 0.5, found, accepted=True) == pay_for_looks(1, LEVEL, 0.5, found, accepted=True)
    beyond = pay_for_looks(0.001, LEVEL, 0.5, found, accepted=True)
    assert (beyond.spent, beyond.beyond) == (0.001, True)
    assert pay_for_looks(0.0, LEVEL, 0.5, found, accepted=True).beyond
    assert judged((40, 25), (45, 25), account=Account({"v": 0.05})).reason.endswith("its lineage may risk")


def skill(number: int, instance: str) -> float:
    """Each version answers one more instance in eight of val, one more in four of the reserve."""
    split, _, place = instance.partition("-")
    return float(int(place) < (5 * number if split == "val" else 10 * number))


def played(**changes: object) -> tuple[Memory, State]:
    log = Memory()
    return log, Play(log, started(settings(**changes), COUNTS), skill=skill).to_rest()


def reserve_results(events: Sequence[object]) -> list[tuple[int, str]]:
    found = [(event.generation, event.payload) for event in events]  # type: ignore[attr-defined]
    return [(n, one.harness) for n, one in found if isinstance(one, t.InstanceFinished) and one.split == "reserve"]


@pytest.mark.parametrize("noisy", [False, True])
def test_a_run_with_a_reserve_replays_and_its_incumbent_answers_the_reserve_once(noisy: bool) -> None:
    log, state = played(noisy=noisy)
    assert verify(log, log.run).identical  # type: ignore[arg-type]
    verdicts = [one.verdict for one in state.generations if one.verdict]
    assert [(one.accepted, len(one.looks)) for one in verdicts] == [(True, 0), (True, 2), (True, 2)]
    assert all(one.look and one.look.open for one in state.generations[1:])
    arms = reserve_results(log.events)
    assert len(arms) == 40 * (4 if noisy else 3)  # the second candidate answered as such, and then as incumbent


def test_a_run_that_ended_anywhere_goes_on_to_the_same_looks_and_verdicts() -> None:
    log, state = played()
    first = next(place for place, event in enumerate(log.events) if isinstance(event.payload, t.GateLooked))
    for cut in (first + 1, first + 45):  # right after the first look, and amid the reserve
        cut_log = Memory()
        cut_log.events, cut_log.blobs = list(log.events[:cut]), dict(log.blobs)
        again = Play(cut_log, skill=skill, history=log.events[:cut]).to_rest()
        assert [one.verdict for one in again.generations] == [one.verdict for one in state.generations]
        assert [one.look for one in again.generations] == [one.look for one in state.generations]
        assert len(reserve_results(cut_log.events)) == len(reserve_results(log.events))
        assert verify(cut_log, cut_log.run).identical  # type: ignore[arg-type]


def test_without_a_reserve_nothing_is_looked_at_twice() -> None:
    log = Memory()
    state = Play(log, started(settings(), {**COUNTS, "reserve": 0}), skill=skill).to_rest()
    assert not any(isinstance(event.payload, t.GateLooked) for event in log.events)
    assert all(one.verdict and not one.verdict.looks and one.verdict.level is None for one in state.generations)


@pytest.mark.parametrize("what", ["level", "open"])
def test_a_forged_first_look_diverges(what: str) -> None:
    log, _ = played()
    changes = {"level": 0.04} if what == "level" else {"open": False}
    other, n = forged(log, t.GateLooked, lambda looked: replace(looked, **changes))
    found = verify(other, other.run).diverged_at  # type: ignore[arg-type]
    assert found is not None and found.n == n


def test_what_a_budget_must_afford_includes_the_reserve_for_both() -> None:
    log, _ = played()
    state = fold(log.events[: next(n for n, event in enumerate(log.events) if event.generation == 2) + 1])
    assert (state.generation, budget.execution_cost(state), budget.reserve_cost(state)) == (2, 42, 80)
    spent = state.spent.evaluations + state.spent.reused
    tight = replace(state.settings, budget=t.Budget(evaluations=spent + 42 + 80 - state.executed))
    assert budget.refusal(replace(state, _settings=tight)) is None
    tight = replace(tight, budget=t.Budget(evaluations=spent + 42 + 79 - state.executed))
    refused = budget.refusal(replace(state, _settings=tight))
    assert refused is not None and "the next execution takes 122" in refused.reason
    assert budget.affordable_evaluations(replace(state, _settings=tight)) == 0


def test_an_incumbent_that_has_answered_the_reserve_needs_no_second_time() -> None:
    _, state = played()
    assert budget.reserve_cost(state) == 40
    _, state = played(noisy=True)
    assert budget.reserve_cost(state) == 80


def test_no_agent_sees_the_reserve(workspace: Path) -> None:
    with contextlib.closing(RunLog.hold(workspace, "r1")) as log:
        Play(log, started(settings(), COUNTS), skill=skill).to_rest()  # type: ignore[arg-type]
        grader = SimpleNamespace(folder=SimpleNamespace(path=workspace))
        run = Run(log, Ports(grader, None, None, None, workers=1))  # type: ignore[arg-type]
        run.catch_up()
        assert any(run.results.reserve(one.candidate) for one in run.state.generations)
        record = LiveRunRecord(run, [])
        for n in (1, 2, 3):
            seen = [make_view(run, n).train, make_view(run, n).past, record.train_results(n)]
            assert "reserve" not in repr(seen) and "look" not in repr(seen)
            assert record.events(n, "reserve-0") == [] and record.events(n, "train-0")
