"""How often the gate accepts a candidate of equal skill, and how often it sees a true gain.

Binary scores on n units: a share `discordance` of them differs between the two arms; under a true gain g the new
arm wins (discordance + g) / 2 of all units and loses (discordance - g) / 2. Run: python -m benchmarks.gate_power
"""

from __future__ import annotations

import argparse

from engine.core.gate import threshold
from engine.core.power import simulate
from engine.events.types import Gate


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
