"""Causal filtering of noisy signals that change, after the description of OpenEvolve's example `signal_processing`.

The five kinds of signals (a sine with a trend, several frequencies, a chirp, steps, a random walk) and the weights of
the cost are the ones described there: 0.3 of slope changes, 0.2 of the lag at the latest sample, 0.2 of the mean
tracking error, 0.3 of false reversals. Signals, scales and filters are our own. A winner is judged on signals from
other seeds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.arena.task import Space, Task
from harness_repo.tunable import Tunable, Value

Series = NDArray[np.float64]
_LONG = 400
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


class _Signal(NamedTuple):
    clean: Series
    noisy: Series


def _signals(seed: int) -> list[_Signal]:
    chance = np.random.default_rng(seed)
    time = np.linspace(0, 10, _LONG)
    shift = chance.uniform(0, 2 * math.pi)
    cleans = [
        2 * np.sin(1.5 * time + shift) + 0.3 * time,
        np.sin(time + shift) + 0.6 * np.sin(3.1 * time) + 0.3 * np.sin(7.3 * time + shift),
        1.5 * np.sin((0.5 + 0.25 * time) * time + shift),
        np.cumsum(np.where(chance.random(_LONG) < 0.02, chance.normal(0, 1.5, _LONG), 0.0)),
        np.cumsum(chance.normal(0.01, 0.1, _LONG)),
    ]
    return [_Signal(clean, clean + chance.normal(0, chance.uniform(0.15, 0.5), _LONG)) for clean in cleans]


def filtered(values: Mapping[str, Value], noisy: Series) -> Series:
    """The estimate at each sample from it and earlier ones alone."""
    count = int(values["median"])
    source = np.array([np.median(noisy[max(0, at - count + 1) : at + 1]) for at in range(len(noisy))])
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


def _cost(estimate: Series, signal: _Signal) -> float:
    reversals, true = _reversals(estimate), _reversals(signal.clean)
    near = np.convolve(true, np.ones(11), "same") > 0
    slope_changes = reversals.sum() / 100
    lag = float(np.abs(estimate - signal.noisy)[-50:].mean())
    tracking = float(np.abs(estimate - signal.clean).mean())
    false = (reversals.astype(bool) & ~near).sum() / 50
    return float(0.3 * slope_changes + 0.2 * lag + 0.2 * tracking + 0.3 * false)


def _reversals(series: Series) -> Series:
    """1 where the direction changes; what stands still keeps the direction before it."""
    direction = np.sign(np.diff(series))
    moving = direction[direction != 0]
    places = np.flatnonzero(direction)
    found = np.zeros(len(series))
    found[places[1:][np.diff(moving) != 0]] = 1.0
    return found


def _score(values: Mapping[str, Value], seeds: Sequence[int]) -> float:
    """1 / (1 + cost), the mean over signals."""
    costs = [_cost(filtered(values, signal.noisy), signal) for seed in seeds for signal in _signals(seed)]
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
