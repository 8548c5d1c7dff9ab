"""How often the gate accepts a candidate of equal skill, and how often it sees a true gain.

Binary scores on n units: a share `discordance` of them differs between the two arms; under a true gain g the new
arm wins (discordance + g) / 2 of all units and loses (discordance - g) / 2. Run: python -m benchmarks.gate_power
"""

from __future__ import annotations

import argparse
import random
from functools import cache
from typing import NamedTuple

from engine.events.types import Gate
from engine.loop.gate import p_value, threshold


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
    """Draws `pairs` pairs of arms; what counts is the number of wins and losses, which the gate's test depends on."""
    rules = rules or Gate()
    draw = random.Random(f"{seed} {n} {discordance} {gain}")
    alpha, better, worse = threshold(rules, generations), (discordance + gain) / 2, (discordance - gain) / 2
    accepted = 0
    for _ in range(pairs):
        wins = _binomial(draw, n, better)
        losses = _binomial(draw, n - wins, worse / (1 - better))
        accepted += _p(wins, losses) < alpha and (wins - losses) / n >= rules.minimum_effect
    return Rate(n, discordance, gain, accepted / pairs)


def _binomial(draw: random.Random, n: int, share: float) -> int:
    return sum(draw.random() < share for _ in range(n))


def main() -> None:
    """Prints one row for each n and discordance."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--generations", type=int, default=2, help="of the run, which set the level")
    parser.add_argument("--minimum-effect", type=float, default=0.0)
    chosen = parser.parse_args()
    rules = Gate(minimum_effect=chosen.minimum_effect)
    print(f"{chosen.pairs} pairs a row, level {threshold(rules, chosen.generations):.4f} for one candidate")
    print("    n  discordance  accepted at equal skill  accepted at +0.03  accepted at +0.05")
    for n in (300, 500, 1068):
        for discordance in (0.06, 0.10, 0.25):
            rates = [
                simulate(
                    n, discordance, gain=gain, pairs=chosen.pairs, seed=chosen.seed, rules=rules,
                    generations=chosen.generations,
                ).accepted
                for gain in (0.0, 0.03, 0.05)
            ]  # fmt: skip
            print(f"{n:5}  {discordance:11.2f}  {rates[0]:23.2%}  {rates[1]:17.1%}  {rates[2]:17.1%}")


if __name__ == "__main__":
    main()
