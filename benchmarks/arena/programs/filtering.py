"""Causal filtering of noisy signals by a program, on the signals of `noisy_signals`; the winner is judged on others."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np

from benchmarks.arena.programs import noisy_signals as noisy
from benchmarks.arena.programs.program import Entry
from benchmarks.arena.programs.start import task

_SEEN, _HIDDEN = (1, 2), (101, 102, 103, 104)
_CUTS = (60, 250)
"""At these samples it is tried whether an estimate depends on later ones."""

_START = '''
# EVOLVE-BLOCK-START
import numpy as np

FILTER = "mean"  # one of: mean, exponential, trend, polynomial
WINDOW = 20
TAPER = 0.5
RATE = 0.2
SLOPE = 0.05
DEGREE = 2
MEDIAN = 1
DEAD = 0.01


def answer(noisy):
    """The estimate of the clean signal at each sample, from it and earlier ones alone."""
    source = np.array([np.median(noisy[max(0, at - MEDIAN + 1) : at + 1]) for at in range(len(noisy))])
    found = []
    level, slope, held = source[0], 0.0, source[0]
    for at in range(len(source)):
        recent = source[max(0, at - WINDOW + 1) : at + 1]
        if FILTER == "mean":
            weights = np.exp(TAPER * np.linspace(-1, 0, len(recent)))
            value = (weights * recent).sum() / weights.sum()
        elif FILTER == "polynomial":
            degree = min(DEGREE, len(recent) - 1)
            value = np.polyfit(np.arange(len(recent)) - len(recent) + 1.0, recent, degree)[-1]
        else:
            before = level
            level = RATE * source[at] + (1 - RATE) * (level + slope)
            slope = SLOPE * (level - before) + (1 - SLOPE) * slope if FILTER == "trend" else 0.0
            value = level
        held = value if abs(value - held) > DEAD else held
        found.append(held)
    return np.array(found)
# EVOLVE-BLOCK-END
'''


def score(entry: Entry, seeds: Sequence[int] = _SEEN) -> float:
    """The mean over signals of 1 / (1 + cost); raises where an estimate depends on later samples."""
    shares = []
    for seed in seeds:
        for signal in noisy.signals(seed):
            estimate = np.asarray(entry(signal.noisy.copy()), dtype=float)
            if estimate.shape != signal.noisy.shape or not np.isfinite(estimate).all():
                raise ValueError("the estimate has not one finite number for each sample")
            shares.append(1 / (1 + noisy.cost(estimate, signal)))
        for cut in _CUTS:
            if not np.allclose(entry(signal.noisy[:cut].copy()), estimate[:cut]):
                raise ValueError("the estimate depends on later samples")
    return float(np.mean(shares))


TASKS = (
    task(
        "filtering",
        """Filter noisy signals that change (sines, chirps, steps, random walks), so that the estimate is near the clean
        signal, does not lag and does not reverse its direction falsely. The program defines answer(noisy), which
        returns an array with an estimate for each sample from it and earlier ones alone. The score is the mean over
        signals of 1 / (1 + cost); an estimate that looks ahead scores 0.""",
        _START,
        score,
        functools.partial(score, seeds=_HIDDEN),
    ),
)
