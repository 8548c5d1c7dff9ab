"""The power of the gate: the smallest gain that it can detect with the instances of a domain."""

from __future__ import annotations

import math
import random
from functools import cache
from statistics import NormalDist
from typing import NamedTuple

from engine.core.gate import is_accepted, p_value, threshold
from engine.events.types import Gate

POWER = 0.8
BREAKS = 0.05
"""The share of answers that a better candidate is assumed to break."""


class Rate(NamedTuple):
    """The share of simulated pairs that the gate accepts."""

    n: int
    discordance: float
    gain: float
    accepted: float


@cache
def _p(wins: int, losses: int) -> float:
    return p_value([1.0] * wins + [-1.0] * losses)


def simulate(
    n: int, discordance: float, *, gain: float, pairs: int, seed: int, rules: Gate | None = None, generations: int = 2
) -> Rate:
    """How often the gate accepts a true gain, on n units that are right or wrong, by simulation.

    A share `discordance` of them differs between the two arms: the new arm wins (discordance + gain) / 2 of all units
    and loses (discordance - gain) / 2. Draws `pairs` pairs of arms; what counts is the number of wins and losses,
    on which alone the gate's test depends.
    """
    rules = rules or Gate()
    draw = random.Random(f"{seed} {n} {discordance} {gain}")
    alpha, better, worse = threshold(rules, generations), (discordance + gain) / 2, (discordance - gain) / 2
    accepted = 0
    for _ in range(pairs):
        wins = _binomial(draw, n, better)
        losses = _binomial(draw, n - wins, worse / (1 - better)) if better < 1 else 0
        accepted += is_accepted(rules, alpha, _p(wins, losses), (wins - losses) / n)
    return Rate(n, discordance, gain, accepted / pairs)


def _binomial(draw: random.Random, n: int, share: float) -> int:
    return sum(draw.random() < share for _ in range(n))


def smallest_binary_gain(n: int, rules: Gate, generations: int, pairs: int = 400) -> float | None:
    """The smallest gain that the gate accepts with power `POWER`, on n units that are right or wrong, in steps of .01.

    The candidate is assumed to break a share `BREAKS` of the answers. None where no gain reaches that power.
    """
    low, high = 0, round(100 * (1 - 2 * BREAKS))

    def is_detected(hundredths: int) -> bool:
        gain = hundredths / 100
        rate = simulate(n, gain + 2 * BREAKS, gain=gain, pairs=pairs, seed=1, rules=rules, generations=generations)
        return rate.accepted >= POWER

    if not is_detected(high):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_detected(middle) else (middle, high)
    return high / 100


def smallest_gain(n: int, spread: float, rules: Gate, generations: int) -> float:
    """The same for scores whose differences have the standard deviation `spread`: a normal approximation."""
    normal = NormalDist()
    error, power = spread / math.sqrt(n), normal.inv_cdf(POWER)
    by_chance = (power - normal.inv_cdf(threshold(rules, generations))) * error
    return max(by_chance, rules.minimum_effect + power * error)
