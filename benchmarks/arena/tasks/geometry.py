"""Two problems of placing points: Heilbronn's triangles in a square, and the ratio of least to greatest distance.

Both are tasks of AlphaEvolve ("A coding agent for scientific and algorithmic discovery", 2025) in smaller sizes, which
fit in 20 tunables or few more. The stated floor is what SLSQP reaches from many random starts, with derivatives.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from benchmarks.arena.task import Reference, Task
from benchmarks.arena.tasks.box import floats, start_of, vector
from harness_repo.tunable import Value

Points = NDArray[np.float64]
_STARTS = 30


def _areas(points: Points) -> Points:
    """Twice the signed areas of all triangles."""
    first, second, third = np.array(list(itertools.combinations(range(len(points)), 3))).T
    a, b = points[second] - points[first], points[third] - points[first]
    return np.asarray(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])


def _smallest_triangle(points: Points) -> float:
    return float(np.abs(_areas(points)).min()) / 2


def _squared_distances(points: Points) -> Points:
    first, second = np.array(list(itertools.combinations(range(len(points)), 2))).T
    return np.asarray(((points[first] - points[second]) ** 2).sum(axis=1))


def _distance_ratio(points: Points) -> float:
    """The least distance over the greatest, squared."""
    squared = _squared_distances(points)
    return float(squared.min() / max(squared.max(), 1e-12))


def _triangle_floor(count: int) -> Reference:
    """SLSQP on the least area t: every area of the start's sign is at least t."""

    def constraints(points: Points) -> Callable[[NDArray[np.float64]], Points]:
        signs = np.sign(_areas(points))
        return lambda x: np.asarray(signs * _areas(x[:-1].reshape(-1, 2)) / 2 - x[-1])

    return _floor(count, constraints, _smallest_triangle)


def _distance_floor(count: int) -> Reference:
    """SLSQP on the least squared distance t, with the greatest at most 1."""

    def constraints(points: Points) -> Callable[[NDArray[np.float64]], Points]:
        def slack(x: NDArray[np.float64]) -> Points:
            squared = _squared_distances(x[:-1].reshape(-1, 2))
            return np.concatenate([squared - x[-1], 1 - squared])

        return slack

    return _floor(count, constraints, _distance_ratio)


def _floor(
    count: int,
    constraints: Callable[[Points], Callable[[NDArray[np.float64]], Points]],
    score: Callable[[Points], float],
) -> Reference:
    from scipy.optimize import minimize

    chance, best, evaluations = np.random.default_rng(1), 0.0, 0
    for _ in range(_STARTS):
        points = chance.random((count, 2))
        found = minimize(
            lambda x: -x[-1],
            np.append(points.ravel(), 0.0),
            method="SLSQP",
            bounds=[(0, 1)] * (2 * count) + [(0, None)],
            constraints={"type": "ineq", "fun": constraints(points)},
            options={"maxiter": 200},
        )
        evaluations += int(found.nfev) + 2 * count * int(found.njev)
        best = max(best, score(np.clip(found.x[:-1].reshape(-1, 2), 0, 1)))
    return Reference(f"SLSQP from {_STARTS} starts", best, evaluations)


def _task(name: str, count: int, score: Callable[[Points], float], floor: Callable[[int], Reference]) -> Task:
    space = floats(2 * count, 0, 1)

    def of(values: Mapping[str, Value]) -> float:
        return score(vector(space, values).reshape(-1, 2))

    return Task(name, "programs", of, start_of(name, space), space, tolerance=1e-9, floor=lambda: floor(count))


TASKS = (
    _task("heilbronn-8", 8, _smallest_triangle, _triangle_floor),
    _task("distances-10", 10, _distance_ratio, _distance_floor),
)
