"""Black boxes over a box: functions of floats whose optimum is moved and whose axes are turned, by the task's name.

Many test functions have their optimum in the middle of their box, or at the origin, along the axes. A method that
favours such places would win there without searching. So the optimum is drawn from the inner 80% of the box.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from benchmarks.arena.methods.random_search import draw
from benchmarks.arena.task import Space, Task
from engine.seeds import derive
from harness_repo.tunable import Tunable, Value

Vector = NDArray[np.float64]
Function = Callable[[Vector], float]
"""To be minimized."""


def floats(count: int, low: float, high: float, prefix: str = "x") -> dict[str, Tunable]:
    """So many floats of one range."""
    return {f"{prefix}{place}": Tunable("float", low=low, high=high) for place in range(count)}


def vector(space: Space, values: Mapping[str, Value], prefix: str = "x") -> Vector:
    """The values of the tunables whose names begin with `prefix`, in order."""
    return np.array([float(values[name]) for name in space if name.startswith(prefix)])


def moved(name: str, count: int, low: float, high: float, *, turned: bool = False) -> Callable[[Vector], Vector]:
    """Coordinates around a point that depends on `name`: zero at that point."""
    chance = np.random.default_rng(derive(0, "arena", name))
    middle, reach = (low + high) / 2, 0.4 * (high - low)
    at = chance.uniform(middle - reach, middle + reach, count)
    turn = np.linalg.qr(chance.normal(size=(count, count)))[0] if turned else np.eye(count)
    return lambda x: np.asarray(turn @ (x - at))


def start_of(name: str, space: Space) -> Callable[[int], dict[str, Value]]:
    """A start that is drawn from the whole space, anew for each seed."""
    return lambda seed: draw(space, random.Random(derive(seed, "arena", "start", name)))


def task(name: str, group: str, space: Space, cost: Callable[[Mapping[str, Value]], float], least: float = 0.0) -> Task:
    """A task that minimizes `cost`, whose least value is `least`."""
    return Task(name, group, lambda values: -float(cost(values)), start_of(name, space), space, best=0.0 - least)


def boxed(name: str, group: str, count: int, low: float, high: float, cost: Function, *, least: float = 0.0) -> Task:
    """A task over so many floats of one range."""
    space = floats(count, low, high)
    return task(name, group, space, lambda values: cost(vector(space, values)), least)


def around(name: str, group: str, count: int, low: float, high: float, cost: Function, *, turned: bool = True) -> Task:
    """A task whose cost is least, and zero, at a moved origin."""
    move = moved(name, count, low, high, turned=turned)
    return boxed(name, group, count, low, high, lambda x: cost(move(x)))
