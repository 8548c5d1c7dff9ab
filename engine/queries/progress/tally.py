"""The results of an Execution so far: how many, how many failed, and the candidate's mean on `val`."""

from __future__ import annotations

import math

import msgspec

from engine.core.state import State
from engine.events import types as t


class Tally(msgspec.Struct, frozen=True):
    """`failed` of all `results`; sum and squares of the candidate's scores on `val`, of which there are `n`."""

    results: int = 0
    failed: int = 0
    n: int = 0
    total: float = 0.0
    squares: float = 0.0

    def plus(self, result: t.InstanceFinished, candidate: t.Candidate) -> Tally:
        """With one more result."""
        own = result.split == "val" and (result.harness, result.weights) == (candidate.harness, candidate.weights)
        score = result.score if own else 0.0
        failed = self.failed + (result.failure is not None)
        return Tally(self.results + 1, failed, self.n + own, self.total + score, self.squares + score * score)

    def and_more(self, other: Tally) -> Tally:
        """With the results of another stretch."""
        sums = (getattr(self, name) + getattr(other, name) for name in self.__struct_fields__)
        return Tally(*sums)

    def score(self, repeats: int) -> t.Score | None:
        """The mean so far, with an error over instances as if an instance's repeats were alike; None without results.

        Groups of instances, which the finished Execution counts as one, are not known here.
        """
        if not self.n:
            return None
        mean, units = self.total / self.n, max(1.0, self.n / repeats)
        spread = max(0.0, self.squares / self.n - mean * mean)
        return t.Score(mean, math.sqrt(spread / (units - 1)) if units > 1 else 0.0, round(units))


def executing(state: State) -> t.Candidate | None:
    """The candidate whose Execution is under way, interrupted or not; None where there is none."""
    now = state.current
    return now.candidate if now and now.execution is None else None
