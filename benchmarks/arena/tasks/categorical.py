"""Functions of choices alone; the optimum is found by going through all of them, or known by construction."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Mapping

import numpy as np

from benchmarks.arena.task import Task
from benchmarks.arena.tasks.box import task
from engine.seeds import derive
from harness_repo.tunable import Tunable, Value


def _choices(count: int, options: int) -> dict[str, Tunable]:
    words: list[Value] = [f"o{place}" for place in range(options)]
    return {f"c{place}": Tunable("choice", choices=words) for place in range(count)}


def _places(values: Mapping[str, Value], count: int) -> list[int]:
    return [int(str(values[f"c{place}"])[1:]) for place in range(count)]


def _of(name: str, count: int, options: int, cost: Callable[[list[int]], float], least: float) -> Task:
    return task(name, "categorical", _choices(count, options), lambda values: cost(_places(values, count)), least)


def _apart() -> Task:
    """Each choice costs by itself."""
    name, count, options = "choices-apart-8", 8, 5
    costs = np.random.default_rng(derive(0, "arena", name)).random((count, options))
    return _of(name, count, options, lambda at: float(costs[range(count), at].sum()), float(costs.min(axis=1).sum()))


def _chain() -> Task:
    """The cost of each choice depends on the one before: the best chain is found by dynamic programming."""
    name, count, options = "choices-chain-10", 10, 4
    costs = np.random.default_rng(derive(0, "arena", name)).random((count - 1, options, options))
    least = functools.reduce(lambda so_far, one: (so_far[:, None] + one).min(axis=0), costs, np.zeros(options)).min()

    def cost(at: list[int]) -> float:
        return float(sum(costs[place, at[place], at[place + 1]] for place in range(count - 1)))

    return _of(name, count, options, cost, float(least))


def _trap() -> Task:
    """Four groups of three flags; each group leads away from its best setting (Deb and Goldberg, 1993)."""
    name, count = "trap-12", 12
    best = np.random.default_rng(derive(0, "arena", name)).integers(0, 2, count)

    def cost(at: list[int]) -> float:
        right = (np.array(at) == best).reshape(-1, 3).sum(axis=1)
        return float(np.where(right == 3, 0.0, 0.2 + 0.2 * right).sum())

    return _of(name, count, 2, cost, 0.0)


def _rugged() -> Task:
    """An NK landscape (Kauffman, 1993): each of 12 flags acts together with three others."""
    name, count, others = "nk-12", 12, 3
    chance = np.random.default_rng(derive(0, "arena", name))
    with_ = [[place, *chance.choice([p for p in range(count) if p != place], others, False)] for place in range(count)]
    tables = chance.random((count, 2 ** (others + 1)))
    weights = 2 ** np.arange(others + 1)

    def cost(at: list[int]) -> float:
        flags = np.array(at)
        return float(sum(tables[place, int(flags[with_[place]] @ weights)] for place in range(count))) / count

    least = min(cost(list(at)) for at in itertools.product((0, 1), repeat=count))
    return _of(name, count, 2, cost, least)


def _codes() -> Task:
    """Six choices of six; what costs is how many of three hidden codes each is from, the nearest code counting."""
    name, count, options = "codes-6", 6, 6
    codes = np.random.default_rng(derive(0, "arena", name)).integers(0, options, (3, count))
    offsets = np.array([0.0, 0.6, 1.2])
    return _of(name, count, options, lambda at: float(((codes != np.array(at)).sum(axis=1) + offsets).min()), 0.0)


TASKS = (_apart(), _chain(), _trap(), _rugged(), _codes())
