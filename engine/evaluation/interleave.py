"""Candidate and incumbent in turns, where grades are noisy: whatever changes on the machine changes for both.

A gate that flips signs rests on pairs whose members could be exchanged. One arm after the other breaks that: another
program that starts between them would be a gain, or a loss, in every pair.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Literal, TypeVar

T = TypeVar("T")
Arm = Literal["candidate", "incumbent"]
PAIRS = 2
"""So many units of one arm, then as many of the other; where two turns of an arm meet they are one."""


def turns(units: Sequence[T]) -> Iterator[tuple[Arm, Sequence[T]]]:
    """All units for both arms, in the order A B B A, so that a linear drift cancels."""
    order: list[tuple[Arm, T]] = []
    arms: list[Arm] = ["candidate", "incumbent"]
    for start in range(0, len(units), PAIRS):
        order += [(arm, unit) for arm in arms for unit in units[start : start + PAIRS]]
        arms.reverse()
    for arm, some in groupby(order, key=lambda one: one[0]):
        yield arm, [unit for _, unit in some]
