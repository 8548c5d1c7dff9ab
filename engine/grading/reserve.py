"""The reserve: instances of `train` that no harness learns from and no agent sees, for a second look of the gate, or
for fresh vals.

Which they are depends on the ids alone (of a group, on its name): the reserve is a constant of the domain, and a larger
one holds each smaller one. Groups stay together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from domains.contract import Instance, Split
from engine.seeds import derive

RESERVE: Literal["reserve"] = "reserve"
FRESH = "fresh"
"""Under this name a domain's counts say how many fresh vals the reserve has."""
FULL = 0.9
"""The part of the instances of `val` that a fresh one has at least."""
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


def fresh(kept: Sequence[Instance], val: Sequence[Instance], number: int) -> list[Instance]:
    """The fresh val of that `number`, from 2, of the reserve `kept`.

    Of the reserve in its order, it is the part of as many instances as `val` has; a group that lies across the end of a
    part is left out, and so is what has an id of `val`.
    """
    known, units = {item.id for item in val}, _units(kept)
    ends = [(number - 2) * len(val), (number - 1) * len(val)]
    return [
        item
        for unit, total in zip(units, _totals(units), strict=True)
        if ends[0] <= total - len(unit) and total <= ends[1] and known.isdisjoint(one.id for one in unit)
        for item in unit
    ]


def count_fresh(train: Sequence[Instance], size: int, val: Sequence[Instance]) -> int:
    """How many fresh vals a reserve of that `size` has: each of at least nine tenths of the instances of `val`."""
    ids, found = choose(train, size), 0
    kept = [item for item in train if item.id in ids]
    while val and (found + 1) * len(val) <= size and len(fresh(kept, val, found + 2)) >= FULL * len(val):
        found += 1
    return found


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
