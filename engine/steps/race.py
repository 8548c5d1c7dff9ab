"""Racing: a probe that is clearly worse than the best one stops before it has answered its whole fold.

The order of the instances is random, so its first ones are a sample of all. After an eighth, a quarter and half of them
the scores are compared in pairs with those of the best probe by the gate's permutation test, over independent units.
Each look has a third of `ERROR`, so a probe that is as good as the best is stopped in at most a share `ERROR` of all
races, however often one looks (Bonferroni). What is compared depends on the log as it was when the round began and on
the order alone, not on which answer arrives first.

Where instances have several repeats, they are averaged for contenders only: a probe stops after the first repeat of all
instances if it is below the best one by more than `WIDTH` standard errors, of the difference over instances or of what
the best one's repeats show to be noise, whichever is larger.
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
WIDTH = 2.0
_LOOKS = (8, 4, 2)
"""A look after this part of the fold."""


class Rival(NamedTuple):
    """The best probe: its key, its scores on the whole fold, and their mean."""

    key: str
    scores: Mapping[Row, float]
    mean: float


class Race:
    """A probe beside `rival` on `rows`, in their order; `groups` has the group of each instance that is in one.

    `singly`: answers are graded one by one, so that there are looks before the first repeat is whole.
    """

    def __init__(self, rival: Rival, rows: Sequence[Row], groups: Mapping[str, str], *, singly: bool = True) -> None:
        self._rival, self._groups = rival, groups
        self._order = sorted(rows, key=lambda row: row[1] > 0)
        once = sum(row[1] == 0 for row in rows)
        self._contends = once if once < len(rows) else None
        self._looks = sorted({math.ceil(once / part) for part in _LOOKS} - {once}) if singly else []
        self._scores: dict[Row, float] = {}

    def take(self, row: Row, score: float) -> t.Stopped | None:
        """Adds a score; says where the probe stops, once all rows before that have a score."""
        self._scores[row] = score
        while self._looks and self._has(self._looks[0]):
            if found := self._look(self._looks.pop(0)):
                return found
        if self._contends and self._has(self._contends):
            once, self._contends = self._contends, None
            return self._leave(once)
        return None

    def _has(self, count: int) -> bool:
        return all(row in self._scores for row in self.first(count))

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

    def _leave(self, once: int) -> t.Stopped | None:
        """Where the probe stops after the first repeat of all instances; None if it contends for the best."""
        mean = {name: math.fsum(values) / len(values) for name, values in _by_instance(self._rival.scores).items()}
        gap = units.clustered({row: mean[row[0]] - self._scores[row] for row in self.first(once)}, self._groups)
        error = max(gap.se, noise(self._rival.scores) * math.sqrt(1 / once + 1 / len(self._rival.scores)))
        if gap.score <= WIDTH * error:
            return None
        whole = self._rival.mean
        return t.Stopped(after=once, of=len(self._order), against=self._rival.key, same=whole, whole=whole)


def noise(scores: Mapping[Row, float]) -> float:
    """The standard deviation of the scores of one instance in several repeats; 0 where each was answered once."""
    groups = [values for values in _by_instance(scores).values() if len(values) > 1]
    squares = [(value - math.fsum(values) / len(values)) ** 2 for values in groups for value in values]
    return math.sqrt(math.fsum(squares) / sum(len(values) - 1 for values in groups)) if groups else 0.0


def _by_instance(scores: Mapping[Row, float]) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for (name, _), score in sorted(scores.items()):
        found.setdefault(name, []).append(score)
    return found
