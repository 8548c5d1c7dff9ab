"""Functions of 2 to 20 floats with many local optima, or with plateaus."""

from __future__ import annotations

import math

import numpy as np

from benchmarks.arena.tasks import landscapes
from benchmarks.arena.tasks.box import Vector, around, boxed


def _schwefel(x: Vector) -> float:
    """The best place is far from the second best, near a corner."""
    return 418.9828872724339 * len(x) - float((x * np.sin(np.sqrt(np.abs(x)))).sum())


def _michalewicz(x: Vector) -> float:
    """Steep valleys with nothing between that shows the way."""
    return -float((np.sin(x) * np.sin(np.arange(1, len(x) + 1) * x * x / math.pi) ** 20).sum())


def _styblinski_tang(x: Vector) -> float:
    return float((x**4 - 16 * x**2 + 5 * x).sum()) / 2 + 39.16616570377142 * len(x)


TASKS = (
    around("ackley-5", "rugged", 5, -10, 10, landscapes.ackley),
    around("ackley-20", "rugged", 20, -10, 10, landscapes.ackley),
    around("rastrigin-3", "rugged", 3, -5, 5, landscapes.rastrigin, turned=False),
    around("rastrigin-10", "rugged", 10, -5, 5, landscapes.rastrigin),
    around("griewank-6", "rugged", 6, -50, 50, landscapes.griewank),
    around("levy-8", "rugged", 8, -10, 10, landscapes.levy),
    around("salomon-4", "rugged", 4, -10, 10, landscapes.salomon),
    around("step-6", "rugged", 6, -10, 10, landscapes.step, turned=False),
    boxed("schwefel-5", "rugged", 5, -500, 500, _schwefel),
    boxed("michalewicz-5", "rugged", 5, 0, math.pi, _michalewicz, least=-4.687658179088148),
    boxed("styblinski-tang-4", "rugged", 4, -5, 5, _styblinski_tang),
)
