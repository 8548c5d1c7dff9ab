"""Random search: every tunable that has an effect is drawn from its whole range."""

from __future__ import annotations

import random
from pathlib import Path

from benchmarks.arena.cell import Meter
from benchmarks.arena.method import Method, Play
from benchmarks.arena.task import Space, Task
from engine.seeds import derive
from harness_repo.tunable import Tunable, Value


def draw(space: Space, chance: random.Random) -> dict[str, Value]:
    """Values of all tunables, those without an effect among them."""
    return {name: _value(tunable, chance) for name, tunable in space.items()}


def _value(tunable: Tunable, chance: random.Random) -> Value:
    if tunable.type == "choice":
        return chance.choice(tunable.choices)
    if tunable.type == "int" and not tunable.log:
        return chance.randint(int(tunable.low), int(tunable.high))
    at = chance.random()
    if tunable.log:
        value = tunable.low * (tunable.high / tunable.low) ** at
    else:
        value = tunable.low + (tunable.high - tunable.low) * at
    value = min(tunable.high, max(tunable.low, value))
    return round(value) if tunable.type == "int" else value


def _play(task: Task, seed: int, meter: Meter) -> None:
    chance = random.Random(derive(seed, "arena", "random", task.name))
    while True:
        meter(draw(task.space, chance))


def _bind(python: Path | None) -> Play:
    return _play


METHOD = Method("random", ("values",), _bind, sources=[Path(__file__)])
