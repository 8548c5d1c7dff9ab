"""How often a run accepts noise where one score is all that it has; `benchmarks.false_acceptance` prints it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.core.determinism import FIRST
from engine.core.gate import AGAIN, fewest_units, threshold
from engine.events.types import Gate

Floats = NDArray[np.float64]


class OneScore(NamedTuple):
    """A `val` of one instance that is declared deterministic, but its score is noise: normal, or one of two values.

    The higher of two values comes in a share `high` of the executions.
    """

    name: str
    generations: int
    high: float | None = None


ONE_SCORES = (
    OneScore("one score, normal noise", 8),
    OneScore("one score, normal noise", 51),
    OneScore("one score, two values", 8, high=2 / 7),
    OneScore("one score, two values", 51, high=2 / 7),
)


def accept_one_score(case: OneScore, *, rules: int, runs: int, seed: int = 1) -> float:
    """The share of runs that accept any candidate; since rules 5 the run measures its noise (`determinism`)."""
    draw = np.random.default_rng(seed)

    def scores(times: int) -> Floats:
        if case.high is None:
            return draw.normal(size=(runs, times))
        return (draw.random((runs, times)) < case.high).astype(np.float64)

    first, pairs = scores(FIRST), fewest_units(threshold(Gate(), case.generations))
    incumbent, noisy, erred = first[:, 0], (first != first[:, :1]).any(axis=1), np.zeros(runs, dtype=bool)
    for _ in range(case.generations - 1):
        candidate = scores(AGAIN)
        ahead, equal = candidate[:, 0] > incumbent, (candidate == candidate[:, :1]).all(axis=1)
        if rules < 5:
            accepted = ahead
        else:
            accepted = ahead & ~noisy & equal
            noisy |= ahead & ~equal
            # at the least number of pairs that reaches the level, nothing but a gain in each of them does
            accepted |= noisy & (scores(pairs) > scores(pairs)).all(axis=1)
        incumbent = np.where(accepted, candidate[:, 0], incumbent)
        erred |= accepted
    return float(erred.mean())
