"""Causal filtering of noisy signals that change, after the description of OpenEvolve's example `signal_processing`.

The signals and their cost are those of `noisy_signals`; the filters are our own. A winner is judged on signals from
other seeds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from benchmarks.arena.programs import noisy_signals as noisy
from benchmarks.arena.task import Space, Task
from harness_repo.tunable import Tunable, Value

Series = noisy.Series
_SEEN, _HIDDEN = (1, 2), (101, 102, 103, 104)

_SPACE: Space = {
    "filter": Tunable("choice", choices=["mean", "exponential", "polynomial", "kalman"], structural=True),
    "window": Tunable("int", low=3, high=60, when={"filter": ["mean", "polynomial"]}),
    "taper": Tunable("float", low=0.0, high=3.0, when={"filter": ["mean"]}),
    "rate": Tunable("float", low=0.01, high=1.0, log=True, when={"filter": ["exponential"]}),
    "trend": Tunable("float", low=0.001, high=1.0, log=True, when={"filter": ["exponential"]}),
    "degree": Tunable("int", low=1, high=4, when={"filter": ["polynomial"]}),
    "drift": Tunable("float", low=1e-6, high=1.0, log=True, when={"filter": ["kalman"]}),
    "noise": Tunable("float", low=0.01, high=10.0, log=True, when={"filter": ["kalman"]}),
    "median": Tunable("int", low=1, high=7),
    "dead": Tunable("float", low=0.0, high=0.5),
}
_START: dict[str, Value] = {
    "filter": "mean", "window": 20, "taper": 0.0, "rate": 0.2, "trend": 0.05, "degree": 2, "drift": 1e-3, "noise": 0.3,
    "median": 1, "dead": 0.0,
}  # fmt: skip


def filtered(values: Mapping[str, Value], seen: Series) -> Series:
    """The estimate at each sample from it and earlier ones alone."""
    count = int(values["median"])
    source = np.array([np.median(seen[max(0, at - count + 1) : at + 1]) for at in range(len(seen))])
    match values["filter"]:
        case "mean":
            found = _weighted(source, np.exp(-float(values["taper"]) * np.linspace(0, 1, int(values["window"]))))
        case "polynomial":
            found = _weighted(source, _fitted(int(values["window"]), int(values["degree"])))
        case "exponential":
            found = _exponential(source, float(values["rate"]), float(values["trend"]))
        case _:
            found = _kalman(source, float(values["drift"]), float(values["noise"]))
    return _steady(found, float(values["dead"]))


def _weighted(source: Series, weights: Series) -> Series:
    """A sum of the latest samples, the latest first; the first sample stands for those before it."""
    padded = np.concatenate([np.full(len(weights) - 1, source[0]), source])
    return np.convolve(padded, weights / weights.sum(), "valid")


def _fitted(window: int, degree: int) -> Series:
    """The weights that give the end of the polynomial fitted to the latest samples."""
    powers = np.vander(-np.arange(window) / window, min(degree, window - 1) + 1, increasing=True)
    return np.asarray(np.linalg.pinv(powers)[0])


def _exponential(source: Series, rate: float, trend: float) -> Series:
    """Holt's double exponential smoothing."""
    level, slope, found = source[0], 0.0, []
    for sample in source:
        before = level
        level = rate * sample + (1 - rate) * (level + slope)
        slope = trend * (level - before) + (1 - trend) * slope
        found.append(level)
    return np.array(found)


def _kalman(source: Series, drift: float, noise: float) -> Series:
    """A state of position and speed, whose speed drifts."""
    state, spread = np.array([source[0], 0.0]), np.eye(2)
    move = np.array([[1.0, 1.0], [0.0, 1.0]])
    random = drift * np.array([[0.25, 0.5], [0.5, 1.0]])
    found = []
    for sample in source:
        state, spread = move @ state, move @ spread @ move.T + random
        gain = spread[:, 0] / (spread[0, 0] + noise)
        state = state + gain * (sample - state[0])
        spread = spread - np.outer(gain, spread[0])
        found.append(state[0])
    return np.array(found)


def _steady(found: Series, dead: float) -> Series:
    """Moves by less than `dead` are not followed."""
    held, kept = found[0], []
    for value in found:
        held = value if abs(value - held) > dead else held
        kept.append(held)
    return np.array(kept)


def _score(values: Mapping[str, Value], seeds: Sequence[int]) -> float:
    """1 / (1 + cost), the mean over signals."""
    costs = [noisy.cost(filtered(values, signal.noisy), signal) for seed in seeds for signal in noisy.signals(seed)]
    return float(np.mean([1 / (1 + cost) for cost in costs]))


TASKS = (
    Task(
        "signal-processing",
        "programs",
        lambda values: _score(values, _SEEN),
        lambda seed: dict(_START),
        _SPACE,
        tolerance=1e-6,
        honest=lambda values: _score(values, _HIDDEN),
    ),
)
