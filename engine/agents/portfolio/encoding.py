"""Values of tunables as points: a number's place in its range, a choice as one feature for each of its values.

Two different choices are as far apart as the ends of a range. A tunable without an effect is at one place, so that it
makes no difference.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness_repo.harness import Harness
from harness_repo.tunable import Tunable, Value

Array = NDArray[np.float64]
_APART = math.sqrt(0.5)


class Encoding(NamedTuple):
    """The features of a harness's tunables; `owners` is the place of each feature's tunable in the manifest."""

    harness: Harness
    owners: NDArray[np.int64]

    def point(self, params: Mapping[str, Value]) -> Array:
        """The features of `params`; values that it lacks are the harness's own."""
        merged = {**self.harness.params, **params}
        active = self.harness.active(merged)
        features: list[float] = []
        for name, tunable in self.harness.manifest.tunables.items():
            features += _features(tunable, merged[name]) if name in active else _idle(tunable)
        return np.array(features)


def encoding(harness: Harness) -> Encoding:
    """The encoding of the harness's tunables."""
    widths = [len(_idle(tunable)) for tunable in harness.manifest.tunables.values()]
    return Encoding(harness, np.repeat(np.arange(len(widths)), widths))


def place(tunable: Tunable, value: Value) -> float:
    """Where a number lies in its range, from 0 to 1."""
    low, high = tunable.low, tunable.high
    if tunable.log:
        return math.log(float(value) / low) / math.log(high / low)
    return (float(value) - low) / (high - low)


def value_at(tunable: Tunable, at: float) -> Value:
    """The number at a place from 0 to 1."""
    low, high, at = tunable.low, tunable.high, min(1.0, max(0.0, at))
    value = low * (high / low) ** at if tunable.log else low + (high - low) * at
    value = min(high, max(low, value))
    if tunable.type == "int":
        return int(min(high, max(low, round(value))))
    short = float(f"{value:.4g}")
    return short if low <= short <= high else value


def _features(tunable: Tunable, value: Value) -> list[float]:
    if tunable.type == "choice":
        return [_APART * (value == choice and type(value) is type(choice)) for choice in tunable.choices]
    return [place(tunable, value)]


def _idle(tunable: Tunable) -> list[float]:
    return [0.0] * len(tunable.choices) if tunable.type == "choice" else [0.5]
