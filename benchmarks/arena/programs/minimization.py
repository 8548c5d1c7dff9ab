"""Finding the least value of a function of two numbers with few evaluations, after OpenEvolve's example.

The function of that example, sin(x) cos(y) + sin(xy) + (x^2 + y^2) / 20, turned and moved by seeds. The winner is
judged on others.
"""

from __future__ import annotations

import functools
import math
import random
from collections.abc import Callable, Sequence

from benchmarks.arena.programs.program import Entry
from benchmarks.arena.programs.start import task

_EVALUATIONS = 200
_SEEN, _HIDDEN = range(1, 13), range(101, 141)
_WIDE = 5.0

_START = '''
# EVOLVE-BLOCK-START
import math

METHOD = "uniform"  # one of: uniform, climbing, annealing
COOLING = "linear"  # one of: linear, geometric
FIRST = 20
STEP = 2.0
SHRINK = 1.0
HEAT = 1.0
LEAST = 0.01
RESTART = 150


def answer(cost, low, high, evaluations, chance):
    """A point (x, y) at which cost(x, y) is small, found with so many evaluations."""
    def anywhere():
        return chance.uniform(low, high), chance.uniform(low, high)

    points = [anywhere() for _ in range(max(1, min(FIRST, evaluations)))]
    value, at = min((cost(*point), point) for point in points)
    best, where, step, idle = value, at, STEP, 0
    for turn in range(len(points), evaluations):
        left = 1 - turn / evaluations
        heat = HEAT * left if COOLING == "linear" else HEAT * LEAST ** (1 - left)
        if METHOD == "uniform" or idle > RESTART:
            tried, idle = anywhere(), 0
        else:
            tried = tuple(min(high, max(low, chance.gauss(x, step))) for x in at)
        found = cost(*tried)
        worse = found - value
        if worse < 0 or METHOD == "annealing" and chance.random() < math.exp(-worse / max(heat, 1e-9)):
            at, value = tried, found
        step = max(LEAST, step * SHRINK)
        idle += 1
        if found < best:
            best, where, idle = found, tried, 0
    return where
# EVOLVE-BLOCK-END
'''


def _function(seed: int) -> Callable[[float, float], float]:
    """The function of the example, turned and moved, by the seed."""
    chance = random.Random(seed)
    turn, dx, dy = chance.uniform(0, 2 * math.pi), chance.uniform(-1.5, 1.5), chance.uniform(-1.5, 1.5)
    cos, sin = math.cos(turn), math.sin(turn)

    def cost(x: float, y: float) -> float:
        u, v = cos * (x - dx) - sin * (y - dy), sin * (x - dx) + cos * (y - dy)
        return math.sin(u) * math.cos(v) + math.sin(u * v) + (u * u + v * v) / 20

    return cost


_LEAST = -1.518685840848574


def score(entry: Entry, seeds: Sequence[int] = _SEEN) -> float:
    """The mean over functions of 1 / (1 + how far the found value is above the least)."""
    return math.fsum(_one(entry, seed) for seed in seeds) / len(seeds)


def _one(entry: Entry, seed: int) -> float:
    cost, asked = _function(seed), 0

    def counted(x: float, y: float) -> float:
        nonlocal asked
        asked += 1
        if asked > _EVALUATIONS:
            raise RuntimeError(f"more than {_EVALUATIONS} evaluations")
        return cost(x, y)

    x, y = entry(counted, -_WIDE, _WIDE, _EVALUATIONS, random.Random(seed))
    if not (abs(x) <= _WIDE and abs(y) <= _WIDE):
        raise ValueError("the point is outside of the box")
    return 1 / (1 + max(0.0, cost(x, y) - _LEAST))


TASKS = (
    task(
        "minimization",
        """Find the least value of a rugged function of two numbers in a box with 200 evaluations. The program defines
        answer(cost, low, high, evaluations, chance), which returns a point (x, y); cost(x, y) is counted, and chance is
        a random.Random. The score is the mean over functions of 1 / (1 + distance of cost(x, y) from the least value),
        and 1 is the best.""",
        _START,
        score,
        functools.partial(score, seeds=_HIDDEN),
        best=1.0,
    ),
)
