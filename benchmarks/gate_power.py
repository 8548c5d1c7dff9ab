"""How often the gate accepts a candidate of equal skill, and how often it sees a true gain.

Binary scores on n units: a share `discordance` of them differs between the two arms; under a true gain g the new
arm wins (discordance + g) / 2 of all units and loses (discordance - g) / 2. The first table is computed.

The second simulates a design that the gate does not have (docs/decisions): two looks, the second at a reserve of
further instances, which is answered where the first look accepts nothing and there is a gain. The first look has the
level of O'Brien and Fleming's boundary (Lan and DeMets, "Discrete Sequential Boundaries for Clinical Trials",
Biometrika 70, 1983), and the second has the rest, so that both together err at most as often as one test.
Run: python -m benchmarks.gate_power
"""

from __future__ import annotations

import argparse
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.core.gate import is_accepted, p_value, threshold
from engine.core.power import power_of
from engine.events.types import Gate

GAINS = (0.0, 0.01, 0.02, 0.03, 0.05)
UNITS = 1068
"""Of LawBench's `val`."""


class Rate(NamedTuple):
    """The share of simulated candidates that is accepted, and of those for which the reserve is answered."""

    accepted: float
    extended: float


def first_level(alpha: float, share: float) -> float:
    """What is spent of `alpha` at a look after `share` of the instances."""
    normal = NormalDist()
    return 2 * normal.cdf(normal.inv_cdf(alpha / 2) / share**0.5)


def simulate(
    n: int, discordance: float, *, gain: float, pairs: int, seed: int, rules: Gate, alpha: float, reserve: int = 0
) -> Rate:
    """Judges `pairs` candidates with a true gain on `n` units and, where that is open, on `reserve` more."""
    draw, better, worse = np.random.default_rng(seed), (discordance + gain) / 2, (discordance - gain) / 2
    shares = [better, worse, 1 - better - worse]
    early = first_level(alpha, n / (n + reserve)) if reserve else alpha
    first = draw.multinomial(n, shares, pairs)[:, :2]
    accepted, extended = _judge(first, n, rules, early), np.zeros(pairs, dtype=bool)
    if reserve:
        both = first + draw.multinomial(reserve, shares, pairs)[:, :2]
        extended = ~accepted & (first[:, 0] > first[:, 1])
        accepted |= extended & _judge(both, n + reserve, rules, alpha - early)
    return Rate(float(accepted.mean()), float(extended.mean()))


def _judge(counts: NDArray[np.int64], n: int, rules: Gate, alpha: float) -> NDArray[np.bool_]:
    """Whether the gate accepts each row of (wins, losses) among `n` units."""
    rows, where = np.unique(counts, axis=0, return_inverse=True)
    judged = [
        is_accepted(rules, alpha, p_value([1.0] * wins + [-1.0] * losses), (wins - losses) / n)
        for wins, losses in rows.tolist()
    ]
    return np.array(judged)[where.reshape(-1)]


def main() -> None:
    """Prints one row for each n and discordance, and one for each reserve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--generations", type=int, default=8, help="of the run, which set the level")
    parser.add_argument("--minimum-effect", type=float, default=0.005)
    chosen = parser.parse_args()
    rules = Gate(minimum_effect=chosen.minimum_effect)
    alpha, gains = threshold(rules, chosen.generations), "  ".join(f"{gain:+7.2f}" for gain in GAINS)
    print(f"level {alpha:.4f} for one candidate; how often it is accepted, computed, by its true gain")
    print(f"    n  discordance  {gains}")
    for n in (300, 500, UNITS):
        for discordance in (0.06, 0.10, 0.25):
            rates = "  ".join(f"{power_of(n, discordance, gain, rules, alpha):7.2%}" for gain in GAINS)
            print(f"{n:5}  {discordance:11.2f}  {rates}")
    print(f"\na design, not the gate: a reserve beside {UNITS:,} units, {chosen.pairs:,} simulated candidates each")
    print(f"reserve  discordance  {gains}  reserve answered at +0.01")
    for reserve in (UNITS, 2 * UNITS):
        for discordance in (0.06, 0.10):
            found = [
                simulate(
                    UNITS, discordance, gain=gain, pairs=chosen.pairs, seed=chosen.seed, rules=rules, alpha=alpha,
                    reserve=reserve,
                )
                for gain in GAINS
            ]  # fmt: skip
            rates = "  ".join(f"{one.accepted:7.2%}" for one in found)
            print(f"{reserve:7}  {discordance:11.2f}  {rates}  {found[1].extended:24.0%}")


if __name__ == "__main__":
    main()
