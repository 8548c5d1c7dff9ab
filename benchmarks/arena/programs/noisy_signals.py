"""Noisy signals that change, and the cost of an estimate, after the description of OpenEvolve's `signal_processing`.

The five kinds of signals (a sine with a trend, several frequencies, a chirp, steps, a random walk) and the weights of
the cost are the ones described there: 0.3 of slope changes, 0.2 of the lag at the latest sample, 0.2 of the mean
tracking error, 0.3 of false reversals. Signals and scales are our own.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Series = NDArray[np.float64]
LONG = 400


class Signal(NamedTuple):
    """A signal as it is, and as it is seen."""

    clean: Series
    noisy: Series


def signals(seed: int) -> list[Signal]:
    """One of each kind, drawn by the seed."""
    chance = np.random.default_rng(seed)
    time = np.linspace(0, 10, LONG)
    shift = chance.uniform(0, 2 * math.pi)
    cleans = [
        2 * np.sin(1.5 * time + shift) + 0.3 * time,
        np.sin(time + shift) + 0.6 * np.sin(3.1 * time) + 0.3 * np.sin(7.3 * time + shift),
        1.5 * np.sin((0.5 + 0.25 * time) * time + shift),
        np.cumsum(np.where(chance.random(LONG) < 0.02, chance.normal(0, 1.5, LONG), 0.0)),
        np.cumsum(chance.normal(0.01, 0.1, LONG)),
    ]
    return [Signal(clean, clean + chance.normal(0, chance.uniform(0.15, 0.5), LONG)) for clean in cleans]


def cost(estimate: Series, signal: Signal) -> float:
    """How far an estimate is from what is wanted; 0 is the best."""
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
