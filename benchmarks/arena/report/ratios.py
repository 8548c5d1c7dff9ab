"""One method's regret as a multiple of another's, over a group of tasks, and how far luck with seeds may put it off."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

LEAST = 1e-4
"""Of the regret of a start: what is below counts as this much in ratios, so that none of them is without bounds."""
_DRAWN = 2000
Shares = Sequence[float]
"""The regrets of one method on one task by seed, as shares of the mean regret of the starts."""


class Span(NamedTuple):
    """From the 2.5th to the 97.5th percentile."""

    low: float
    high: float


def ratio(one: Sequence[Shares], other: Sequence[Shares]) -> float:
    """The geometric mean over tasks of the mean regret of `one`, divided by that of `other`."""
    return float(np.exp(np.mean([_log(np.array(a)) - _log(np.array(b)) for a, b in zip(one, other, strict=True)])))


def span(one: Sequence[Shares], other: Sequence[Shares]) -> Span | None:
    """Where that ratio may lie, by the bootstrap: seeds are drawn again for each task, the same for both methods.

    None where a task has one seed.
    """
    chance = np.random.default_rng(0)
    logs = []
    for both in (np.array(pair) for pair in zip(one, other, strict=True)):
        seeds = both.shape[1]
        if seeds < 2:
            return None
        drawn = _log(both[:, chance.integers(seeds, size=(_DRAWN, seeds))])
        logs.append(drawn[0] - drawn[1])
    low, high = np.exp(np.percentile(np.mean(logs, axis=0), [2.5, 97.5]))
    return Span(float(low), float(high))


def _log(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """The logarithm of the mean over the last axis."""
    return np.asarray(np.log(np.maximum(LEAST, shares.mean(axis=-1))))
