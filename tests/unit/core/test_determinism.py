"""One score wins only where it was measured to be deterministic, or beyond the noise that was measured."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from msgspec.structs import replace

from benchmarks.one_score import ONE_SCORES, OneScore, accept_one_score
from engine.core import determinism
from engine.core.determinism import FIRST, executions_at_most
from engine.core.gate import AGAIN, compare, fewest_units
from engine.core.replay import verify
from engine.events import types as t
from tests.histories import Memory, Play, domain, settings, started


def play(*skill: float, spread: float = 0.0, rules: int = 5, **changes: object) -> Play:
    """A run over one instance, played to its end; `spread` is the size of the noise of each execution."""

    def noise(number: int, repeat: int) -> float:
        return spread * random.Random(f"2 {number} {repeat}").random()

    begun = replace(started(settings(generations=len(skill), **changes)), rules=rules)
    begun = replace(begun, domain=domain({"train": 6, "val": 1, "test": 4}))
    one = Play(Memory(), begun, skill=lambda number, _: skill[number - 1], noise=noise)
    one.to_rest()
    assert verify(one.log, one.log.run).identical  # type: ignore[arg-type]
    return one


def executed(one: Play) -> list[int]:
    """How often each generation executed the instance of val, both arms together."""
    found = Counter(
        event.generation
        for event in one.log.events
        if isinstance(result := event.payload, t.InstanceFinished) and result.split == "val"
    )
    return [found[n] for n in sorted(found)]


def test_what_the_measurement_takes_is_known_before() -> None:
    chosen = settings(generations=4)
    expected, most = executions_at_most(chosen, 1)
    assert sum(executed(play(0.1, 0.2, 0.3, 0.4))) == 4 + expected
    assert sum(executed(play(0.1, 0.2, 0.3, 0.4, spread=0.01))) <= 4 + most
    late = [executed(play(0.1, 0.2, 0.3, 0.4, spread=1e-12 * 10**n)) for n in range(12)]
    assert all(sum(one) <= 4 + most for one in late)
    for other in (replace(chosen, noisy=True), replace(chosen, repeats=2), replace(chosen, generations=1)):
        assert executions_at_most(other, 1) == (0, 0)
    assert executions_at_most(chosen, 2) == (0, 0)


def test_a_score_that_comes_out_the_same_wins_after_it_was_executed_again() -> None:
    one = play(0.5, 0.4, 0.6, 0.55)
    assert executed(one) == [FIRST, 1, AGAIN, 1]  # only what one score would accept is executed again
    verdict = one.state.of(3).verdict
    assert verdict and verdict.accepted and one.state.incumbent == 3
    assert verdict.test == f"comparison of one score, equal in {AGAIN} executions"
    assert verdict.reason == "accepted: +0.1000 over generation 1"


def test_noise_of_a_score_that_is_declared_deterministic_is_found_and_not_accepted() -> None:
    one = play(*[0.5] * 8, spread=0.1)
    pairs = fewest_units(0.05 / 7)
    assert executed(one) == [FIRST, *[1 + 2 * pairs] * 7]
    assert one.state.incumbent == 1
    assert all(n.verdict and n.verdict.test == "one-sided paired permutation test" for n in one.state.generations[1:])
    old = play(*[0.5] * 8, spread=0.1, rules=4)
    assert executed(old) == [1] * 8 and old.state.incumbent != 1  # this is what the rules before did


def test_a_first_candidate_that_was_not_measured_is_taken_for_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its five executions were left out for a budget, which was raised later: one score accepted noise then."""

    class Short(Play):
        def perform(self, kind: t.StepKind, generation: int, attempt: int) -> None:
            monkeypatch.setattr(determinism, "FIRST", 1 if generation < 2 else FIRST)
            super().perform(kind, generation, attempt)

    begun = replace(started(settings(generations=8)), domain=domain({"train": 6, "val": 1, "test": 4}))
    one = Short(Memory(), begun, skill=lambda number, _: 0.5 + number % 2)
    one.to_rest()
    pairs = fewest_units(0.05 / 7)
    assert executed(one) == [1, *[1 + 2 * pairs] * 7]
    assert all(n.verdict and n.verdict.test == "one-sided paired permutation test" for n in one.state.generations[1:])
    assert verify(one.log, one.log.run).identical  # type: ignore[arg-type]


def test_a_gain_beyond_the_noise_wins() -> None:
    one = play(0.5, 0.7, 0.7, spread=0.1)
    verdict = one.state.of(2).verdict
    assert verdict and verdict.accepted and (verdict.unit, verdict.n) == ("repeat", fewest_units(0.01))
    assert verdict.p < verdict.alpha and verdict.spent == 0.0
    assert one.state.incumbent == 2


def test_noise_that_only_a_candidate_has_is_found_when_it_would_win() -> None:
    def noise(number: int, repeat: int) -> float:
        return 0.2 if (number, repeat) == (2, 0) else 0.0

    begun = replace(started(settings(generations=3)), domain=domain({"train": 6, "val": 1, "test": 4}))
    one = Play(Memory(), begun, skill=lambda number, _: 0.5, noise=noise)
    state, pairs = one.to_rest(), fewest_units(0.01)
    assert executed(one) == [FIRST, AGAIN + 2 * pairs, 1 + 2 * pairs]
    assert state.incumbent == 1 and verify(one.log, one.log.run).identical  # type: ignore[arg-type]


def test_without_enough_executions_one_score_is_not_accepted() -> None:
    better, worse = {("a", 0): 1.0}, {("a", 0): 0.5}
    for executions, accepted in ((1, False), (AGAIN - 1, False), (AGAIN, True), (None, True)):
        verdict = compare(
            better, worse, against=1, gate=t.Gate(), generations=2, noisy=False, rules=5, executions=executions
        )
        assert verdict.accepted is accepted
        assert ("may be noise" in verdict.reason) is not accepted


@pytest.mark.parametrize("changes", [{"noisy": True, "repeats": 7}, {"repeats": 3}, {"lever": "best-of-n"}])
def test_what_is_declared_noisy_or_repeated_or_judges_nothing_is_not_measured(changes: dict[str, object]) -> None:
    assert executed(play(0.5, **changes) if "lever" in changes else play(0.5, 0.5, **changes))[0] == changes.get(
        "repeats", 1
    )


@pytest.mark.parametrize("case", ONE_SCORES, ids=lambda case: f"{case.name}-{case.generations}")
def test_few_runs_accept_noise_that_was_declared_deterministic(case: OneScore) -> None:
    assert accept_one_score(case, rules=4, runs=2000) > 0.6
    assert accept_one_score(case, rules=5, runs=2000) <= 0.06
