"""How small a gain the gate sees: what is promised is what a simulation of the gate gives."""

from __future__ import annotations

import random

import pytest

from engine.core.gate import compare
from engine.core.power import BREAKS, POWER, simulate, smallest_binary_gain, smallest_gain
from engine.events.types import Gate

RULES = Gate(minimum_effect=0.02)


@pytest.mark.parametrize("n", [60, 300])
def test_the_smallest_binary_gain_is_seen_and_a_smaller_one_is_not(n: int) -> None:
    gain = smallest_binary_gain(n, RULES, 8)
    assert gain is not None
    at, below = (
        simulate(n, g + 2 * BREAKS, gain=g, pairs=1500, seed=3, rules=RULES, generations=8).accepted
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
    gain = smallest_gain(n, spread, RULES, 8)
    draw = random.Random(5)
    accepted = 0
    for _ in range(150):
        incumbent = {(str(unit), 0): 0.5 for unit in range(n)}
        candidate = {unit: score + draw.gauss(gain, spread) for unit, score in incumbent.items()}
        verdict = compare(candidate, incumbent, against=1, gate=RULES, generations=8, noisy=True, rules=2)
        accepted += verdict.accepted
    assert 0.68 < accepted / 150 < 0.92  # 0.8, within three standard errors
