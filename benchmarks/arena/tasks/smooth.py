"""Smooth functions of 2 to 20 floats."""

from __future__ import annotations

import math

import numpy as np

from benchmarks.arena.tasks import landscapes
from benchmarks.arena.tasks.box import Function, Vector, around, boxed

_HARTMANN_WEIGHTS = np.array([1.0, 1.2, 3.0, 3.2])
_HARTMANN_3 = (
    np.array([[3.0, 10, 30], [0.1, 10, 35], [3.0, 10, 30], [0.1, 10, 35]]),
    np.array([[3689, 1170, 2673], [4699, 4387, 7470], [1091, 8732, 5547], [381, 5743, 8828]]) * 1e-4,
)
_HARTMANN_6 = (
    np.array(
        [
            [10, 3, 17, 3.5, 1.7, 8],
            [0.05, 10, 17, 0.1, 8, 14],
            [3, 3.5, 1.7, 10, 17, 8],
            [17, 8, 0.05, 10, 0.1, 14],
        ]
    ),
    np.array(
        [
            [1312, 1696, 5569, 124, 8283, 5886],
            [2329, 4135, 8307, 3736, 1004, 9991],
            [2348, 1451, 3522, 2883, 3047, 6650],
            [4047, 8828, 8732, 5743, 1091, 381],
        ]
    )
    * 1e-4,
)


def _branin(x: Vector) -> float:
    """Over [0, 1] in each coordinate, least at three places."""
    a, b = 15 * x[0] - 5, 15 * x[1]
    bend = b - 5.1 / (4 * math.pi**2) * a * a + 5 / math.pi * a - 6
    return float(bend**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(a) + 10)


def _hartmann(shape: tuple[Vector, Vector]) -> Function:
    scales, places = shape
    return lambda x: -float(_HARTMANN_WEIGHTS @ np.exp(-(scales * (x - places) ** 2).sum(axis=1)))


TASKS = (
    boxed("branin-2", "smooth", 2, 0, 1, _branin, least=0.39788735772973816),
    boxed("hartmann-3", "smooth", 3, 0, 1, _hartmann(_HARTMANN_3), least=-3.8627797869493365),
    boxed("hartmann-6", "smooth", 6, 0, 1, _hartmann(_HARTMANN_6), least=-3.3223680114155147),
    around("sphere-5", "smooth", 5, -5, 5, landscapes.sphere),
    around("sphere-20", "smooth", 20, -5, 5, landscapes.sphere),
    around("ellipsoid-8", "smooth", 8, -5, 5, landscapes.ellipsoid),
    around("rosenbrock-4", "smooth", 4, -2, 2, landscapes.rosenbrock, turned=False),
    around("rosenbrock-10", "smooth", 10, -2, 2, landscapes.rosenbrock, turned=False),
    around("zakharov-6", "smooth", 6, -5, 5, landscapes.zakharov),
    around("different-powers-12", "smooth", 12, -2, 2, landscapes.different_powers),
)
