"""How small a gain the gate sees: what is promised is what a simulation of the gate gives."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence

import pytest

from benchmarks.gate_power import simulate
from engine.core.account import UNUSED, Account, divide_level
from engine.core.decide import RULES as RULES_NOW
from engine.core.gate import compare, is_accepted, p_value, threshold
from engine.core.power import (
    BREAKS,
    POWER,
    detectable,
    power_of,
    power_of_looks,
    sentence,
    smallest_binary_gain,
    smallest_gain,
)
from engine.core.state import Generation, State
from engine.events.types import Candidate, Gate, GateDecided
from tests.histories import domain, settings

RULES = Gate(minimum_effect=0.02)


@pytest.mark.parametrize("n", [60, 300])
def test_the_smallest_binary_gain_is_seen_and_a_smaller_one_is_not(n: int) -> None:
    gain = smallest_binary_gain(n, RULES, 8)
    assert gain is not None
    at, below = (
        simulate(n, g + 2 * BREAKS, gain=g, pairs=1500, seed=3, rules=RULES, alpha=threshold(RULES, 8)).accepted
        for g in (gain, gain - 0.02)
    )
    assert below < POWER < at + 0.03


def test_more_instances_see_smaller_gains() -> None:
    gains = [smallest_binary_gain(n, RULES, 8) for n in (40, 200, 1000)]
    assert None not in gains
    assert sorted(gains, reverse=True) == gains  # type: ignore[type-var]
    assert gains[0] != gains[-1]


def test_a_handful_of_instances_sees_nothing() -> None:
    assert smallest_binary_gain(5, RULES, 8) is None


def test_the_gate_accepts_a_gain_of_real_scores_as_often_as_promised() -> None:
    n, spread = 80, 0.1
    gain = smallest_gain(n, spread, RULES, threshold(RULES, 8))
    draw = random.Random(5)
    accepted = 0
    for _ in range(150):
        incumbent = {(str(unit), 0): 0.5 for unit in range(n)}
        candidate = {unit: score + draw.gauss(gain, spread) for unit, score in incumbent.items()}
        verdict = compare(candidate, incumbent, against=1, gate=RULES, generations=8, noisy=True, rules=2)
        accepted += verdict.accepted
    assert 0.68 < accepted / 150 < 0.92  # 0.8, within three standard errors


@pytest.mark.parametrize(("changed", "gain"), [(0.3, 0.0), (0.3, 0.2), (0.1, 0.25), (1.0, 0.4)])
def test_the_computed_power_is_the_sum_over_all_results_that_the_gate_accepts(changed: float, gain: float) -> None:
    n, alpha, share = 30, 0.03, max(changed, gain)
    better, worse = (share + gain) / 2, (share - gain) / 2
    total = 0.0
    for wins in range(n + 1):
        for losses in range(n - wins + 1):
            likely = math.comb(n, wins) * math.comb(n - wins, losses)
            likely *= better**wins * worse**losses * (1 - share) ** (n - wins - losses)
            p = p_value([1.0] * wins + [-1.0] * losses)
            total += likely * is_accepted(RULES, alpha, p, (wins - losses) / n)
    assert power_of(n, changed, gain, RULES, alpha) == pytest.approx(total, rel=1e-9, abs=1e-12)


def verdict_on(n: int, differences: Sequence[float], account: Account = UNUSED) -> GateDecided:
    rival = {(f"i{i:05}", 0): 0.0 for i in range(n)}
    candidate = dict(zip(rival, [*differences, *[0.0] * (n - len(differences))], strict=True))
    return compare(
        candidate, rival, against=1, gate=Gate(), generations=8, noisy=False, rules=RULES_NOW, account=account
    )


def after(*verdicts: GateDecided, generations: int = 8, rules: int = RULES_NOW, reserve: int = 0) -> State:
    """A run with these verdicts after the one on its first candidate."""
    first = GateDecided(True, "", "none", n=1068)
    rows = [Generation(n, Candidate("c"), verdict=one) for n, one in enumerate([first, *verdicts], 1)]
    chosen, counts = settings(generations=generations), {"val": first.n, "reserve": reserve}
    return State(rules=rules, _domain=domain(counts), _settings=chosen, generations=tuple(rows))


CHANGES = {70: [1.0] * 42 + [-1.0] * 28, 88: [1.0] * 49 + [-1.0] * 39, 27: [1.0] * 11 + [-1.0] * 16}


def test_a_run_says_what_it_can_still_detect_from_its_middle_verdict() -> None:
    state = after(*(verdict_on(1068, some) for some in CHANGES.values()))
    found = detectable(state, Account({f"v{i}": 0.05 / 7 for i in range(3)}))
    assert found and found.gain
    assert (found.n, found.changed, found.exact, found.generations) == (1068, 70, True, 4)
    assert found.level == pytest.approx(0.05 / 7)
    below, at = (power_of(1068, 70 / 1068, gain, Gate(), 0.05 / 7) for gain in (found.gain - 0.0001, found.gain))
    assert below < POWER <= at
    assert found.half == power_of(1068, 70 / 1068, found.gain / 2, Gate(), 0.05 / 7)
    assert sentence(found) == (
        "each of the 4 generations left detects a true gain of 0.026 with 80% power, one of 0.013 with 19% "
        "(p < 0.0071; computed, if 70 of 1,068 units change as here)"
    )


@pytest.mark.parametrize(("changed", "gain"), [(0.3, 0.0), (0.3, 0.25), (0.6, 0.4)])
def test_the_power_of_two_looks_is_the_sum_over_all_results_that_accept_at_either(changed: float, gain: float) -> None:
    n, reserve, level, better, worse = 12, 8, 0.05, (changed + gain) / 2, (changed - gain) / 2
    early, late = divide_level(level, n / (n + reserve))

    def outcomes(n: int) -> Iterator[tuple[int, int, float]]:
        for wins in range(n + 1):
            for losses in range(n - wins + 1):
                likely = math.comb(n, wins) * math.comb(n - wins, losses) * better**wins * worse**losses
                yield wins, losses, likely * (1 - changed) ** (n - wins - losses)

    def accepts(wins: int, losses: int, n: int, alpha: float) -> bool:
        return is_accepted(RULES, alpha, p_value([1.0] * wins + [-1.0] * losses), (wins - losses) / n)

    total = 0.0
    for wins, losses, likely in outcomes(n):
        if accepts(wins, losses, n, early):
            total += likely
        elif wins > losses:
            more = outcomes(reserve)
            total += likely * sum(q for w, k, q in more if accepts(wins + w, losses + k, n + reserve, late))
    assert power_of_looks(n, reserve, changed, gain, RULES, level) == pytest.approx(total, abs=1e-9)


def test_a_run_with_a_reserve_detects_smaller_gains_and_says_that_it_looks_twice() -> None:
    without, with_it = (detectable(after(verdict_on(1068, CHANGES[70]), reserve=size), UNUSED) for size in (0, 1068))
    assert without and with_it and without.gain and with_it.gain
    assert (without.gain, with_it.gain) == (0.0262, 0.0186)
    assert sentence(with_it).endswith("if 70 of 1,068 units change as here, with a second look at 1,068 more)")
    spent = detectable(after(verdict_on(1068, CHANGES[70]), reserve=1068), Account({"v": 0.05}))
    assert spent and spent.gain is None


def test_what_the_account_has_left_limits_what_can_be_detected() -> None:
    state = after(*(verdict_on(1068, CHANGES[70]) for _ in range(7)))
    fresh, poor = (detectable(state, Account({"v": spent})) for spent in (0.0, 0.0499))
    assert fresh and fresh.gain and poor and poor.gain
    assert fresh.generations == 0 and fresh.level == pytest.approx(0.05 / 8)  # one more would make it nine
    assert poor.level == pytest.approx(0.0001) and poor.gain > fresh.gain
    spent = detectable(state, Account({"v": 0.05}))
    assert spent and spent.gain is None
    assert sentence(spent) == "one more generation can claim no gain: the error that the lineage may risk is spent"
    old = detectable(after(verdict_on(1068, CHANGES[70]), rules=3), Account({"v": 0.05}))
    assert old and old.level == pytest.approx(0.05 / 7)


def test_other_differences_than_right_and_wrong_are_approximated() -> None:
    draw = random.Random(3)
    verdict = verdict_on(200, [draw.gauss(0, 0.1) for _ in range(200)])
    found = detectable(after(verdict), UNUSED)
    assert found and found.gain and not found.exact
    assert found.gain == smallest_gain(200, verdict.se * math.sqrt(200), Gate(), 0.05 / 7)
    assert 0.15 < found.half < 0.25
    halves = detectable(after(verdict_on(1068, [0.5, -0.5] * 20)), UNUSED)  # repeats that differ
    assert halves and not halves.exact
    few = detectable(after(verdict_on(5, [0.1, 0.2, 0.3, -0.1, 0.2])), UNUSED)
    assert few and few.gain is None
    assert sentence(few).endswith("could detect no gain with 80% power: p must be below 0.0071")


def test_nothing_is_said_before_the_first_test() -> None:
    assert detectable(after(), UNUSED) is None
    assert detectable(after(verdict_on(1068, [])), UNUSED) is None, "no score differs: nothing was measured"
