"""How often the gate sees a true gain, and a gain of 0, at one look and, with a reserve, at two.

Binary scores on n units: a share `discordance` of them differs between the two arms; under a true gain g the new
arm wins (discordance + g) / 2 of all units and loses (discordance - g) / 2. All rows are computed; those with a reserve
are simulated, too, by the gate's own decisions. Whether whole runs and lineages keep their promise with a reserve is
simulated by benchmarks.false_acceptance.
Run: python -m benchmarks.gate_power
"""

from __future__ import annotations

import argparse
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.core.account import divide_level
from engine.core.gate import is_accepted, is_open, p_value, threshold
from engine.core.power import power_of, power_of_looks
from engine.events.types import Gate, Look

GAINS = (0.0, 0.01, 0.02, 0.03, 0.05)
UNITS = 1068
"""Of LawBench's `val`."""
RESERVES = (UNITS // 2, UNITS, 2 * UNITS)


class Rate(NamedTuple):
    """The share of simulated candidates that is accepted, and of those for which the reserve is answered."""

    accepted: float
    extended: float


def simulate(
    n: int, discordance: float, *, gain: float, pairs: int, seed: int, rules: Gate, alpha: float, reserve: int = 0
) -> Rate:
    """Judges `pairs` candidates with a true gain on `n` units and, where that is open, on `reserve` more."""
    draw, better, worse = np.random.default_rng(seed), (discordance + gain) / 2, (discordance - gain) / 2
    shares = [better, worse, 1 - better - worse]
    early, late = divide_level(alpha, n / (n + reserve)) if reserve else (alpha, 0.0)
    first = draw.multinomial(n, shares, pairs)[:, :2]
    accepted, still_open = look(first, n, rules, early)
    if not reserve:
        return Rate(float(accepted.mean()), 0.0)
    both = first + draw.multinomial(reserve, shares, pairs)[:, :2]
    accepted |= still_open & look(both, n + reserve, rules, late)[0]
    return Rate(float(accepted.mean()), float(still_open.mean()))


def look(counts: NDArray[np.int64], n: int, rules: Gate, alpha: float) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Whether the gate accepts each row of (wins, losses) among `n` units, and whether a first look stays open."""
    rows, where = np.unique(counts, axis=0, return_inverse=True)
    judged = []
    for wins, losses in rows.tolist():
        p, gain = p_value([1.0] * wins + [-1.0] * losses), (wins - losses) / n
        one = Look(n, wins + losses, gain, 0.0, p, alpha)
        judged.append((is_accepted(rules, alpha, p, gain), is_open(rules, one)))
    accepted, still_open = np.array(judged).T
    return accepted[where.reshape(-1)], still_open[where.reshape(-1)]


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
    print(f"\nwith a reserve beside {UNITS:,} units: computed, and of {chosen.pairs:,} simulated candidates")
    print(f"reserve  discordance             {gains}  reserve answered at +0.01")
    for reserve in RESERVES:
        for discordance in (0.06, 0.10):
            computed = [power_of_looks(UNITS, reserve, discordance, gain, rules, alpha) for gain in GAINS]
            found = [
                simulate(
                    UNITS, discordance, gain=gain, pairs=chosen.pairs, seed=chosen.seed, rules=rules, alpha=alpha,
                    reserve=reserve,
                )
                for gain in GAINS
            ]  # fmt: skip
            rates = "  ".join(f"{rate:7.2%}" for rate in computed)
            print(f"{reserve:7}  {discordance:11.2f}  computed   {rates}")
            rates = "  ".join(f"{one.accepted:7.2%}" for one in found)
            print(f"{reserve:7}  {discordance:11.2f}  simulated  {rates}  {found[1].extended:24.0%}")


if __name__ == "__main__":
    main()
