"""The reserve: instances of `train` that no harness learns from and no agent sees, for a second look of the gate.

Which they are depends on the ids alone (of a group, on its name): the reserve is a constant of the domain, and a larger
one holds each smaller one. Groups stay together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from domains.contract import Instance, Split
from engine.seeds import derive

RESERVE: Literal["reserve"] = "reserve"
Part = Split | Literal["reserve"]
"""What a run calls the instances of a domain: its splits, and the reserve, which is none of them."""


def size(train: Sequence[Instance], share: float) -> int:
    """How many instances a reserve of that share of `train` has: whole groups, and no more than the share."""
    fitting = [total for total in _totals(_units(train)) if total <= share * len(train)]
    return max(fitting, default=0)


def choose(train: Sequence[Instance], size: int) -> set[str]:
    """The ids of the reserve of that `size`."""
    units = _units(train)
    chosen = (unit for unit, total in zip(units, _totals(units), strict=True) if total <= size)
    return {item.id for unit in chosen for item in unit}


def _totals(units: Sequence[Sequence[Instance]]) -> Iterator[int]:
    total = 0
    for unit in units:
        total += len(unit)
        yield total


def _units(train: Sequence[Instance]) -> list[list[Instance]]:
    """Groups, and instances that are in none, in the order in which they enter the reserve."""
    units: dict[tuple[str, str], list[Instance]] = {}
    for item in train:
        name = ("group", item.group) if isinstance(item.group, str) and item.group else ("instance", item.id)
        units.setdefault(name, []).append(item)
    return [units[name] for name in sorted(units, key=lambda name: (derive(0, RESERVE, *name), name))]
