"""Racing: a probe that is clearly worse than the best one stops before it has answered its whole fold.

The order of the instances is random, so its first ones are a sample of all. After an eighth, a quarter and half of them
the scores are compared in pairs with those of the best probe by the gate's permutation test, over independent units.
Each look has a third of `ERROR`, so a probe that is as good as the best is stopped in at most a share `ERROR` of all
races, however often one looks (Bonferroni). What is compared depends on the log as it was when the round began and on
the order alone, not on which answer arrives first.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from engine.core import units
from engine.core.gate import p_value
from engine.core.units import Row
from engine.events import types as t

ERROR = 0.05
_LOOKS = (8, 4, 2)
"""A look after this part of the fold."""


class Rival(NamedTuple):
    """The best probe: its key, its scores on the whole fold, and their mean."""

    key: str
    scores: Mapping[Row, float]
    mean: float


class Race:
    """A probe beside `rival` on the rows of `order`; `groups` has the group of each instance that is in one."""

    def __init__(self, rival: Rival, order: Sequence[Row], groups: Mapping[str, str]) -> None:
        self._rival, self._order, self._groups = rival, order, groups
        self._looks = sorted({math.ceil(len(order) / part) for part in _LOOKS} - {len(order)})
        self._scores: dict[Row, float] = {}

    def take(self, row: Row, score: float) -> t.Stopped | None:
        """Adds a score; says where the probe stops, once all rows before that have a score."""
        self._scores[row] = score
        while self._looks and all(row in self._scores for row in self.first(self._looks[0])):
            if found := self._look(self._looks.pop(0)):
                return found
        return None

    def first(self, count: int) -> Sequence[Row]:
        """The first rows: what a probe records that stops after so many."""
        return self._order[:count]

    def _look(self, count: int) -> t.Stopped | None:
        rows = self.first(count)
        behind = {row: self._rival.scores[row] - self._scores[row] for row in rows}
        divided = units.divide(behind, units.kind(behind, self._groups), self._groups)
        if p_value([math.fsum(one) for one in divided]) >= ERROR / len(_LOOKS):
            return None
        same = math.fsum(self._rival.scores[row] for row in rows) / count
        return t.Stopped(after=count, of=len(self._order), against=self._rival.key, same=same, whole=self._rival.mean)
