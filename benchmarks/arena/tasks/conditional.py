"""Functions with a structural choice, which decides what other tunables have an effect."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from benchmarks.arena.task import Task
from benchmarks.arena.tasks import landscapes
from benchmarks.arena.tasks.box import Function, Vector, floats, moved, task, vector
from harness_repo.tunable import Tunable, Value

Branch = tuple[str, int, Function, float]
"""A name, how many floats it has, their cost, and what the branch costs at its best."""


def _branches(name: str, branches: Sequence[Branch]) -> Task:
    """A structural choice of branches, each with floats of its own from -5 to 5."""
    names: list[Value] = [branch for branch, *_ in branches]
    space = {"method": Tunable("choice", choices=names, structural=True)}
    moves = {}
    for branch, count, *_ in branches:
        of_branch = {"method": [branch]}
        space |= {key: Tunable("float", low=-5, high=5, when=of_branch) for key in floats(count, -5, 5, f"{branch}_")}
        moves[branch] = moved(f"{name} {branch}", count, -5, 5)
    table = {branch: (function, offset) for branch, _, function, offset in branches}

    def cost(values: Mapping[str, Value]) -> float:
        branch = str(values["method"])
        function, offset = table[branch]
        return function(moves[branch](vector(space, values, f"{branch}_"))) + offset

    return task(name, "conditional", space, cost, min(offset for *_, offset in branches))


def _layers() -> Task:
    """A depth of 1 to 6, and a width for each layer that there is; the best network has four layers."""
    name, most = "layers-7", 6
    space = {"depth": Tunable("choice", choices=list(range(1, most + 1)), structural=True)}
    for layer in range(most):
        deep: list[Value] = list(range(layer + 1, most + 1))
        space[f"w{layer}"] = Tunable("int", low=4, high=1024, log=True, when={"depth": deep})
    target = [64, 256, 128, 32, 512, 16]

    def cost(values: Mapping[str, Value]) -> float:
        depth = int(values["depth"])
        off = [abs(math.log2(float(values[f"w{layer}"])) - math.log2(target[layer])) for layer in range(depth)]
        return 0.4 * abs(depth - 4) ** 1.5 + sum(one**1.5 for one in off) / depth

    return task(name, "conditional", space, cost)


def _nested() -> Task:
    """Two structural choices, one below the other, a flag with a float of its own, and two floats for all."""
    name = "nested-8"
    space = {
        "family": Tunable("choice", choices=["line", "tree"], structural=True),
        "kernel": Tunable("choice", choices=["flat", "round"], structural=True, when={"family": ["line"]}),
        "growth": Tunable("choice", choices=["deep", "wide"], structural=True, when={"family": ["tree"]}),
        "width": Tunable("float", low=0.001, high=100.0, log=True, when={"kernel": ["round"], "family": ["line"]}),
        "depth": Tunable("int", low=1, high=30, when={"family": ["tree"]}),
        "smooth": Tunable("choice", choices=[False, True]),
        "amount": Tunable("float", low=0.0, high=1.0, when={"smooth": [True]}),
        "rate": Tunable("float", low=1e-4, high=1.0, log=True),
    }

    def cost(values: Mapping[str, Value]) -> float:
        total = 0.3 * abs(math.log2(float(values["rate"])) + 6)
        total += 2 * abs(float(values["amount"]) - 0.35) if values["smooth"] else 0.5
        if values["family"] == "line":
            flat = values["kernel"] == "flat"
            return total + (1.0 if flat else 0.4 * abs(math.log2(float(values["width"])) - 2.5))
        depth = abs(int(values["depth"]) - 17) / 10
        return total + (0.6 + depth if values["growth"] == "deep" else 0.4 + 2 * depth)

    return task(name, "conditional", space, cost)


def _lure(x: Vector) -> float:
    """Good at once, and never the best."""
    return 0.02 * landscapes.sphere(x)


TASKS = (
    _branches(
        "branches-3x4",
        [("a", 4, landscapes.sphere, 1.0), ("b", 4, landscapes.rastrigin, 0.0), ("c", 4, landscapes.ackley, 0.5)],
    ),
    _branches("branches-wide-8", [(f"b{n}", 2, landscapes.sphere, 0.4 * ((5 * n + 3) % 8)) for n in range(8)]),
    _branches("lure-2", [("easy", 2, _lure, 2.0), ("hard", 6, landscapes.rosenbrock, 0.0)]),
    _branches("deep-and-shallow", [("deep", 12, landscapes.sphere, 0.0), ("shallow", 2, landscapes.ackley, 3.0)]),
    _layers(),
    _nested(),
)
