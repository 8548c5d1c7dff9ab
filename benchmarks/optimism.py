"""How far the incumbent's score on `val` is above the truth, and what `sia show` estimates of it.

Answers are right or wrong. A candidate turns a share of the wrong answers right and a share of the right ones wrong, on
all instances that there could be; `val` is a sample of them. So its true score is known.
Run: python -m benchmarks.optimism
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from benchmarks.climbing_agents import fewest_wins
from engine.core.gate import threshold
from engine.events.types import Gate, GateDecided
from engine.queries.optimism import of_verdicts


class Search(NamedTuple):
    """A run whose candidates gain one of `gains`, all as likely, by changing a share `changed` of the answers."""

    name: str
    generations: int
    gains: Sequence[float]
    changed: float = 0.1
    instances: int = 1068


SEARCHES = (
    Search("no candidate is better", 51, (0.0,)),
    Search("all gain 0.01", 8, (0.01,)),
    Search("all gain 0.02", 8, (0.02,)),
    Search("all gain 0.04", 8, (0.04,)),
    Search("one of four gains 0.03", 8, (0.0, 0.0, 0.0, 0.03)),
    Search("one of four gains 0.03", 20, (0.0, 0.0, 0.0, 0.03)),
    Search("from -0.03 to 0.03", 20, (-0.03, -0.02, -0.01, 0.0, 0.01, 0.02, 0.03)),
)


class Measured(NamedTuple):
    """The mean optimism and the mean of its estimates; the error of the score as it is, and less the estimate."""

    optimism: float
    estimate: float
    error: float
    error_less: float


def measure(search: Search, *, runs: int, seed: int = 1) -> Measured:
    """How far the incumbents' scores are above the truth in simulated runs."""
    draw, gate, n = np.random.default_rng(seed), Gate(), search.instances
    alpha = threshold(gate, search.generations)
    needed = fewest_wins(n, alpha)
    truth, estimate = np.zeros(runs), np.zeros(runs)
    for run in range(runs):
        true, verdicts = 0.5, []
        right = draw.random(n) < true
        for _ in range(search.generations - 1):
            gain = draw.choice(search.gains)
            fixes, breaks = (search.changed + gain) / 2, (search.changed - gain) / 2
            if fixes > 1 - true or breaks > true:
                continue
            change = draw.random(n) < np.where(right, breaks / true, fixes / (1 - true))
            wins, losses = int((change & ~right).sum()), int((change & right).sum())
            mean = (wins - losses) / n
            se = math.sqrt(((wins + losses) / n - mean * mean) / (n - 1))
            accepted = bool(wins >= needed[wins + losses])
            verdicts.append(GateDecided(accepted, "", "permutation test", n, difference=mean, se=se))
            if accepted:
                right, true = right ^ change, true + gain
        truth[run], estimate[run] = right.mean() - true, of_verdicts(verdicts) or 0.0
    errors = [float(np.sqrt(np.mean(error**2))) for error in (truth, truth - estimate)]
    return Measured(float(truth.mean()), float(estimate.mean()), *errors)


def main() -> None:
    """Prints one row for each kind of search."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    print(f"{chosen.runs} runs a row; the errors are root mean squares, without and with the estimate taken off")
    print("search                     generations  optimism  estimate   without      with")
    for search in SEARCHES:
        found = measure(search, runs=chosen.runs, seed=chosen.seed)
        print(f"{search.name:26} {search.generations:11}" + "".join(f"  {value:8.4f}" for value in found))


if __name__ == "__main__":
    main()
