"""What covariates of instances would give the gate: why it has none.

In a paired design both arms answer the same instances, so a covariate x cannot correct the mean difference, as CUPED
does between two groups of users (Deng et al., "Improving the Sensitivity of Online Controlled Experiments by Utilizing
Pre-Experiment Data", 2013): the mean of x - mean(x) over the pairs is 0. What is left of it is a smaller error, by the
share R² of the differences' variance that x explains. First part of the output: R² on the recorded LawBench run, with
what is known of each instance before the candidate.

The second part asks how often a run of 8 accepts a candidate of equal skill if its gate used such a covariate. Each
version answers as its parent, but a share of the answers is drawn anew, right with the same probability. The incumbent
is then nearer to its ancestors than the candidate, so their answers tell the sign of a difference.
Run: python -m benchmarks.covariates
"""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from engine.core.gate import threshold
from engine.core.results import Results
from engine.core.state import fold
from engine.events.reader import Reader
from engine.events.types import Gate

Floats = NDArray[np.float64]
RECORDED = Path(__file__).resolve().parents[1] / "events.db"
SKILL, REDRAWN = 0.8, 0.15
"""The share of right answers, and of answers that a version draws anew; 5% then differ, as in the recorded run."""
Use = Literal[
    "none", "earlier versions, as a regressor", "earlier versions, as weights", "the incumbent, as a regressor"
]


class Explained(NamedTuple):
    """The share of the variance of a generation's differences that a covariate explains."""

    generation: int
    changed: int
    earlier: float
    incumbent: float


def explained(log: Path = RECORDED) -> Iterator[Explained]:
    """R² of the differences by the mean score of versions that are neither arm, and by the incumbent's own score."""
    with contextlib.closing(Reader.open(log)) as reader:
        events = list(reader.history(reader.find("last").run))
    state, results = fold(events), Results()
    for event in events:
        results.add(event)
    scores = {one.n: results.val(one.n, one.candidate) for one in state.generations}
    rows = sorted(scores[1])
    by = {n: np.array([found[row] for row in rows]) for n, found in scores.items()}
    for one in state.generations:
        against = one.verdict.against if one.verdict else None
        earlier = [by[n] for n in by if n < one.n and n != against]
        if against is not None and earlier:
            differences = by[one.n] - by[against]
            changed = int(np.count_nonzero(differences))
            yield Explained(one.n, changed, _r2(np.mean(earlier, axis=0), differences), _r2(by[against], differences))


def _r2(covariate: Floats, differences: Floats) -> float:
    return float(np.corrcoef(covariate, differences)[0, 1] ** 2)


def false_acceptance(use: Use, *, runs: int, n: int = 1068, generations: int = 8, seed: int = 1) -> float:
    """The share of runs that accept a candidate of equal skill, by a z-test of the mean at the gate's level.

    The first version is the parent of the incumbent, which was accepted from it; candidates descend from the incumbent.
    """
    draw, needed = np.random.default_rng(seed), norm.isf(threshold(Gate(), generations))
    first = draw.random((runs, n)) < SKILL
    incumbent, erred = _child(draw, first), np.zeros(runs, dtype=bool)
    for _ in range(generations - 1):
        differences = _child(draw, incumbent).astype(np.float32) - incumbent
        erred |= _z(differences, first, incumbent, use) > needed
    return float(erred.mean())


def _child(draw: np.random.Generator, parent: NDArray[np.bool_]) -> NDArray[np.bool_]:
    anew = draw.random(parent.shape, dtype=np.float32) < REDRAWN
    return np.where(anew, draw.random(parent.shape, dtype=np.float32) < SKILL, parent)


def _z(
    differences: NDArray[np.float32], first: NDArray[np.bool_], incumbent: NDArray[np.bool_], use: Use
) -> NDArray[np.float32]:
    n = differences.shape[1]
    if use == "earlier versions, as weights":  # hard instances have more to gain
        differences = differences * np.where(first, 0.2, 1.0).astype(np.float32)
    sums, squares = differences.sum(axis=1), (differences**2).sum(axis=1)
    left = squares - sums**2 / n
    if use.endswith("regressor"):
        covariate = (first if use.startswith("earlier") else incumbent).astype(np.float32)
        covariate -= covariate.mean(axis=1, keepdims=True)
        left = left - (covariate * differences).sum(axis=1) ** 2 / (covariate**2).sum(axis=1)
    found: NDArray[np.float32] = sums / np.sqrt(np.maximum(left, 1e-9))
    return found


def main() -> None:
    """Prints R² for each verdict of the recorded run, and a row for each use of a covariate."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    print("recorded LawBench run: share of the variance of the differences that a covariate explains")
    print("generation  changed  earlier versions  error would be  the incumbent itself")
    for row in explained():
        smaller = np.sqrt(1 - row.earlier)
        print(f"{row.generation:10}  {row.changed:7}  {row.earlier:16.2%}  {smaller:13.1%}  {row.incumbent:20.1%}")
    print(f"\n{chosen.runs} runs of 8 generations a row; accepted by mistake, at most .05 is promised")
    for use in get_args(Use):
        print(f"{use:34} {false_acceptance(use, runs=chosen.runs, seed=chosen.seed):7.3f}")


if __name__ == "__main__":
    main()
