"""The gate accepts what is better beyond chance and by enough, and says why not otherwise."""

from __future__ import annotations

import random

import numpy as np
import pytest

from benchmarks.gate_power import simulate
from engine.core import gate
from engine.events.types import Gate, GateDecided, Score

RULES = Gate(alpha=0.01, run_alpha=0.05, minimum_effect=0.01)


def judged(
    candidate: list[float], incumbent: list[float], rules: Gate = RULES, *, generations: int = 2, noisy: bool = False
) -> GateDecided:
    new, old = ({(f"i{i:04}", 0): score for i, score in enumerate(arm)} for arm in (candidate, incumbent))
    return gate.compare(new, old, against=1, gate=rules, generations=generations, noisy=noisy, rules=2)


def binary(fixed: int, broken: int, same: int) -> tuple[list[float], list[float]]:
    return [1.0] * fixed + [0.0] * broken + [1.0] * same, [0.0] * fixed + [1.0] * broken + [1.0] * same


@pytest.mark.parametrize(("wins", "losses"), [(0, 1), (1, 0), (5, 5), (12, 3), (40, 17), (300, 251), (900, 800)])
def test_right_and_wrong_answers_get_mcnemars_exact_test(wins: int, losses: int) -> None:
    from scipy.stats import binomtest

    exact = binomtest(wins, wins + losses, alternative="greater").pvalue
    assert gate.p_value([1.0] * wins + [-1.0] * losses + [0.0] * 7) == pytest.approx(exact, rel=1e-9)
    assert gate.p_value([0.25] * wins + [-0.25] * losses) == pytest.approx(exact, rel=1e-9)


@pytest.mark.parametrize("shift", [0.0, 0.05, 0.2])
def test_many_real_valued_changes_agree_with_scipy(shift: float) -> None:
    from scipy.stats import permutation_test

    draw = np.random.default_rng(5)
    differences = draw.normal(shift, 1.0, 200)
    theirs = permutation_test(
        (differences, np.zeros(200)), lambda x, y, axis: np.mean(x - y, axis=axis), permutation_type="samples",
        alternative="greater", n_resamples=20_000, rng=np.random.default_rng(9),
    ).pvalue  # fmt: skip
    error = 4 * np.sqrt(2 * max(theirs, 1e-3) * (1 - theirs) / gate.FLIPS)
    assert gate.p_value(list(differences)) == pytest.approx(theirs, abs=error)


def test_a_p_value_that_is_drawn_is_never_0() -> None:
    """What was observed is one of the patterns (Phipson and Smyth, "Permutation P-values Should Never Be Zero")."""
    assert gate.p_value([float(size) for size in range(1, 60)]) == 1 / (gate.FLIPS + 1)


@pytest.mark.parametrize("size", [1e-13, 1e-6, 1e4, 1e9])
@pytest.mark.parametrize("n", [3, 16, 60])
def test_p_is_the_same_at_every_size_of_the_scores(n: int, size: float) -> None:
    """Gains of tens of thousands had p = 0 where none of the sums reached their own, rounded otherwise."""
    for seed in range(50):
        draw = random.Random(seed)
        gains = [draw.uniform(1, 2) for _ in range(n)]
        p = gate.p_value([size * one for one in gains])
        assert p == (0.5**n if n <= gate.ENUMERATED else 1 / (gate.FLIPS + 1))
        mixed = [one * draw.choice((1, -1)) for one in gains]
        assert gate.p_value([size * one for one in mixed]) == gate.p_value(mixed)


@pytest.mark.parametrize(("rules", "shown"), [(4, "+0.0000 ± 0.0000"), (5, "+2.01e-07 ± ")])
def test_a_small_gain_is_told_with_digits_that_show_it(rules: int, shown: str) -> None:
    old = {(f"v{n}", 0): 1e-7 for n in range(20)}
    new = {row: 3e-7 + n * 1e-10 for n, row in enumerate(old)}
    found = gate.compare(new, old, against=1, gate=Gate(), generations=2, noisy=False, rules=rules)
    assert found.reason.startswith(f"accepted: {shown}")


def test_before_rules_5_sums_were_compared_as_they_were() -> None:
    gains = next(
        gains
        for seed in range(100)
        if gate.p_value(gains := [random.Random(seed + k).uniform(5e4, 1.5e5) for k in (0, 1000, 2000)], scaled=False)
        == 0
    )
    assert gate.p_value(gains) == 0.125


def test_the_order_of_the_units_changes_nothing() -> None:
    draw = random.Random(3)
    differences = [draw.gauss(0.1, 1) for _ in range(100)]
    shuffled = draw.sample(differences, 100)
    assert gate.p_value(differences) == gate.p_value(shuffled)


def test_identical_answers_are_never_accepted() -> None:
    verdict = judged([0.5] * 900, [0.5] * 900, Gate(alpha=1.0, run_alpha=1.0, minimum_effect=-1.0))
    assert (verdict.accepted, verdict.p) == (False, 1.0)
    assert verdict.reason == "rejected: no score differs from generation 1's"


def test_a_clear_gain_is_accepted_with_what_was_fixed_and_broken() -> None:
    verdict = judged(*binary(30, 5, 300))
    assert verdict.accepted
    assert (len(verdict.fixed), len(verdict.broken), verdict.n, verdict.against) == (30, 5, 335, 1)
    assert verdict.difference == pytest.approx(25 / 335)
    assert verdict.reason.startswith("accepted: +0.0746 ± ")


@pytest.mark.parametrize(
    ("arms", "why"),
    [
        (binary(5, 30, 300), "no gain"),
        (binary(5, 5, 300), "no gain"),
        (binary(12, 5, 300), "may be chance"),
        (binary(12, 0, 9000), "below the smallest gain that counts, 0.01"),
    ],
)
def test_a_rejection_says_why(arms: tuple[list[float], list[float]], why: str) -> None:
    verdict = judged(*arms)
    assert not verdict.accepted
    assert why in verdict.reason


def test_a_gain_of_exactly_the_smallest_that_counts_is_enough() -> None:
    arms = binary(100, 0, 300)
    assert judged(*arms, Gate(minimum_effect=0.25)).accepted
    assert not judged(*arms, Gate(minimum_effect=0.2501)).accepted


@pytest.mark.parametrize(
    ("new", "noisy", "accepted"), [(2.02, False, True), (2.01, False, False), (1.0, False, False), (9.0, True, False)]
)
def test_one_deterministic_score_needs_the_effect_and_no_chance(new: float, noisy: bool, accepted: bool) -> None:
    assert judged([new], [2.0], noisy=noisy).accepted is accepted


@pytest.mark.parametrize(("generations", "level"), [(1, 0.01), (2, 0.01), (6, 0.01), (8, 0.05 / 7), (51, 0.001)])
def test_the_level_holds_the_error_of_the_whole_run(generations: int, level: float) -> None:
    assert gate.threshold(Gate(), generations) == pytest.approx(level)
    assert judged(*binary(9, 0, 99), generations=generations).alpha == pytest.approx(level)


def test_only_what_both_arms_answered_counts() -> None:
    new = {("a", 0): 1.0, ("b", 0): 1.0}
    verdict = gate.compare(new, {("b", 0): 1.0}, against=1, gate=RULES, generations=2, noisy=False, rules=2)
    assert verdict.n == 1


def test_repeats_of_an_instance_are_named_once() -> None:
    new = {("a", 0): 1.0, ("a", 1): 1.0, ("b", 0): 0.0, ("b", 1): 1.0}
    verdict = gate.compare(new, dict.fromkeys(new, 0.5), against=1, gate=RULES, generations=2, noisy=True, rules=2)
    assert (verdict.fixed, verdict.broken) == (["a"], [])


def test_the_first_candidate_has_nothing_to_beat() -> None:
    assert gate.first_verdict(Score(0.5, 0.1, 12)).accepted
    assert gate.first_verdict(None).n == 0


@pytest.mark.parametrize(("n", "discordance"), [(300, 0.10), (1068, 0.05), (1068, 0.25)])
def test_equal_skill_is_seldom_accepted(n: int, discordance: float) -> None:
    assert simulate(n, discordance, gain=0.0, pairs=2000, seed=11, rules=Gate(), alpha=0.01).accepted <= 0.015


def test_the_simulation_can_tell_a_gate_that_accepts_too_much() -> None:
    assert simulate(300, 0.10, gain=0.0, pairs=500, seed=11, rules=Gate(), alpha=0.2).accepted > 0.1
