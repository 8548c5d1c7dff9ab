"""Structure as values: which changes lead from a program to another one, as parameters name them.

`(program)` is the skeleton of the program that the other values belong to, and `(change 1)`, `(change 2)`, ... are the
sentences of the changes that lead there, in order. So the parameters of a probe name its program, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness_repo.evolvable import SKELETON
from harness_repo.tunable import Value


def changes_of(params: Mapping[str, Value]) -> tuple[str, ...]:
    """The sentences of the changes that the parameters name, in order."""
    found: list[str] = []
    while (why := params.get(f"(change {len(found) + 1})")) is not None:
        found.append(str(why))
    return tuple(found)


def values_of(params: Mapping[str, Value]) -> dict[str, Value]:
    """The parameters without what names the structure."""
    named = {f"(change {place})" for place in range(1, len(changes_of(params)) + 1)} | {SKELETON}
    return {name: value for name, value in params.items() if name not in named}


def named(skeleton: str, changes: Sequence[str], values: Mapping[str, Value]) -> dict[str, Value]:
    """The parameters of the program `skeleton`, to which `changes` lead, with its `values`."""
    names = {f"(change {place})": why for place, why in enumerate(changes, 1)}
    return {**values, SKELETON: skeleton, **names}
