"""Known test functions; each is least, and zero, at the origin.

Sources: Hansen et al., "Real-parameter black-box optimization benchmarking 2009"; Jamil and Yang, "A literature survey
of benchmark functions for global optimisation problems", 2013.
"""

from __future__ import annotations

import math

import numpy as np

from benchmarks.arena.tasks.box import Vector


def sphere(x: Vector) -> float:
    return float(x @ x)


def ellipsoid(x: Vector) -> float:
    """Axes of lengths that differ by a factor of 1,000."""
    return float((1e6 ** np.linspace(0, 1, len(x)) * x * x).sum() / 1e4)


def rosenbrock(x: Vector) -> float:
    y = x + 1
    return float((100 * (y[1:] - y[:-1] ** 2) ** 2 + (1 - y[:-1]) ** 2).sum())


def zakharov(x: Vector) -> float:
    tilt = float((0.5 * np.arange(1, len(x) + 1) * x).sum())
    return float(x @ x) + tilt**2 + tilt**4


def different_powers(x: Vector) -> float:
    return float((np.abs(x) ** np.linspace(2, 6, len(x))).sum())


def ackley(x: Vector) -> float:
    near = -20 * math.exp(-0.2 * math.sqrt(float((x * x).mean())))
    return near - math.exp(float(np.cos(2 * math.pi * x).mean())) + 20 + math.e


def rastrigin(x: Vector) -> float:
    return float((x * x - 10 * np.cos(2 * math.pi * x) + 10).sum())


def griewank(x: Vector) -> float:
    waves = np.cos(x / np.sqrt(np.arange(1, len(x) + 1)))
    return float((x * x).sum() / 4000 - np.prod(waves) + 1)


def levy(x: Vector) -> float:
    w = 1 + x / 4
    middle = ((w[:-1] - 1) ** 2 * (1 + 10 * np.sin(math.pi * w[:-1] + 1) ** 2)).sum()
    return float(np.sin(math.pi * w[0]) ** 2 + middle + (w[-1] - 1) ** 2 * (1 + np.sin(2 * math.pi * w[-1]) ** 2))


def salomon(x: Vector) -> float:
    size = math.sqrt(float(x @ x))
    return 1 - math.cos(2 * math.pi * size) + 0.1 * size


def step(x: Vector) -> float:
    """Plateaus: the floor of each coordinate, so that small changes show nothing."""
    return float((np.floor(np.abs(x) + 0.5) ** 2).sum() + 1e-3 * np.abs(x).sum())
