"""Alternates candidate and incumbent if grades are noisy, so that changes on the machine affect both.

A sign-flip test assumes that the members of a pair are exchangeable. Running one arm after the other breaks that: a
program that starts in between would appear as a gain, or a loss, in every pair.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Literal, TypeVar

T = TypeVar("T")
Arm = Literal["candidate", "incumbent"]
PAIRS = 2
"""Units of one arm before the other takes its turn; adjacent turns of the same arm are merged."""


def turns(units: Sequence[T]) -> Iterator[tuple[Arm, Sequence[T]]]:
    """All units for both arms, in the order A B B A, so that a linear drift cancels."""
    order: list[tuple[Arm, T]] = []
    arms: list[Arm] = ["candidate", "incumbent"]
    for start in range(0, len(units), PAIRS):
        order += [(arm, unit) for arm in arms for unit in units[start : start + PAIRS]]
        arms.reverse()
    for arm, some in groupby(order, key=lambda one: one[0]):
        yield arm, [unit for _, unit in some]
