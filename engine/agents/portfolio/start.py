"""A start that fills the space: points of Sobol's sequence, scrambled by the seed, so that no part is left out."""

from __future__ import annotations

import warnings

from engine.agents.portfolio.encoding import value_at
from engine.agents.portfolio.probed import Params
from harness_repo.harness import Harness
from harness_repo.tunable import Tunable, Value

WHY = "to cover the space"


def spread(harness: Harness, count: int, seed: int) -> list[tuple[Params, str]]:
    """`count` points."""
    from scipy.stats import qmc

    tunables = harness.manifest.tunables
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it wants powers of two
        rows = qmc.Sobol(len(tunables), seed=seed % 2**32).random(count)
    return [
        ({name: _at(tunable, at) for (name, tunable), at in zip(tunables.items(), row, strict=True)}, WHY)
        for row in rows
    ]


def _at(tunable: Tunable, at: float) -> Value:
    if tunable.type != "choice":
        return value_at(tunable, float(at))
    return tunable.choices[min(len(tunable.choices) - 1, int(at * len(tunable.choices)))]
