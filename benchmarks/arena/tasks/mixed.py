"""Functions of floats beside whole numbers, logarithmic ranges and choices."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from benchmarks.arena.task import Task
from benchmarks.arena.tasks import landscapes
from benchmarks.arena.tasks.box import Function, floats, moved, task, vector
from engine.seeds import derive
from harness_repo.tunable import Tunable, Value


def _half_whole(name: str, count: int, reach: int, cost: Function) -> Task:
    """Half of the coordinates are floats, half are whole numbers whose optimum is one of them."""
    space = floats(count // 2, -reach, reach) | {
        f"n{place}": Tunable("int", low=-reach, high=reach) for place in range(count - count // 2)
    }
    float_part = moved(name, count // 2, -reach, reach, turned=True)
    whole_at = np.random.default_rng(derive(0, "arena", name, "n")).integers(
        -reach // 2, reach // 2, count - count // 2
    )

    def of(values: Mapping[str, Value]) -> float:
        whole = vector(space, values, "n") - whole_at
        return cost(np.concatenate([float_part(vector(space, values)), whole]))

    return task(name, "mixed", space, of)


def _logarithmic() -> Task:
    """A bowl in the logarithms of five quantities, which are coupled in pairs."""
    name, count = "log-bowl-5", 5
    space = {f"x{place}": Tunable("float", low=1e-5, high=10.0, log=True) for place in range(count)}
    move = moved(name, count, -5, 1, turned=True)
    return task(name, "mixed", space, lambda values: landscapes.ellipsoid(move(np.log10(vector(space, values)))) / 100)


def _vessel() -> Task:
    """The pressure vessel of Sandgren (1990): two thicknesses in sixteenths of an inch, radius and length.

    Broken constraints cost in proportion. The least cost of the mixed problem is 6,059.7143.
    """
    space = {
        "shell": Tunable("int", low=1, high=99),
        "head": Tunable("int", low=1, high=99),
        "radius": Tunable("float", low=10.0, high=200.0),
        "length": Tunable("float", low=10.0, high=200.0),
    }

    def cost(values: Mapping[str, Value]) -> float:
        shell, head = 0.0625 * float(values["shell"]), 0.0625 * float(values["head"])
        radius, length = float(values["radius"]), float(values["length"])
        material = 0.6224 * shell * radius * length + 1.7781 * head * radius**2
        welding = 3.1661 * shell**2 * length + 19.84 * shell**2 * radius
        volume = math.pi * radius**2 * length + 4 / 3 * math.pi * radius**3
        broken = (
            max(0.0, 0.0193 * radius / shell - 1)
            + max(0.0, 0.00954 * radius / head - 1)
            + max(0.0, 1 - volume / 1_296_000)
        )
        return material + welding + 20_000 * broken

    return task("pressure-vessel-4", "mixed", space, cost, 6059.714335)._replace(tolerance=1e-3)


def _materials() -> Task:
    """Six floats whose scales depend on two choices of five, as a material changes what a size does."""
    name, count = "materials-8", 6
    kinds: list[Value] = ["a", "b", "c", "d", "e"]
    space = floats(count, -5, 5) | {one: Tunable("choice", choices=kinds) for one in ("frame", "skin")}
    chance = np.random.default_rng(derive(0, "arena", name, "kinds"))
    offsets = {kind: chance.uniform(-1.5, 1.5, count) for kind in kinds}
    base = {kind: float(at) for kind, at in zip(kinds, chance.permutation([0.0, 0.5, 1.0, 2.0, 4.0]), strict=True)}
    move = moved(name, count, -4, 4)

    def cost(values: Mapping[str, Value]) -> float:
        frame, skin = str(values["frame"]), str(values["skin"])
        at = move(vector(space, values)) - offsets[frame] + offsets[skin] * 0.5
        return landscapes.sphere(at) + base[frame] + base[skin] + (1.0 if frame == skin else 0.0)

    least = min(base[one] + base[two] + (one == two) for one in kinds for two in kinds)
    return task(name, "mixed", space, cost, least)


TASKS = (
    _half_whole("mixed-sphere-6", 6, 10, landscapes.sphere),
    _half_whole("mixed-ackley-8", 8, 10, landscapes.ackley),
    _half_whole("mixed-rastrigin-4", 4, 6, landscapes.rastrigin),
    _logarithmic(),
    _vessel(),
    _materials(),
)
