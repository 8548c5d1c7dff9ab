"""A cell of the grid and what came of it: one method, on one task, with one seed and one budget."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

Candidate = Any
"""What a method proposes: values of tunables, or the text of a program."""


class Cell(msgspec.Struct, frozen=True, order=True):
    """One method on one task. `budget` counts the task's unit: evaluations, or proposals."""

    task: str
    method: str
    seed: int
    budget: int


class Outcome(msgspec.Struct, frozen=True, tag="cell"):
    """A finished cell. `course` are the improvements, as (budget spent so far, best score so far).

    `honest` is the score of the winner on what no method has seen, where the task has that. `spent` counts resources by
    name, as seconds and evaluations. `failure` is why the method stopped before its budget was spent, if it did.
    `version` is that of the method.
    """

    cell: Cell
    course: Sequence[tuple[int, float]]
    winner: Candidate
    spent: Mapping[str, float]
    honest: float | None = None
    failure: str = ""
    version: str = ""

    def best_at(self, spent: int) -> float:
        """The best score after so much of the budget; minus infinity before the first."""
        return max((score for n, score in self.course if n <= spent), default=-math.inf)

    @property
    def begun(self) -> float:
        """The score of the start."""
        return self.course[0][1]


class LeftOut(msgspec.Struct, frozen=True, tag="left out"):
    """A method that could not take part, and why."""

    method: str
    reason: str


class Floor(msgspec.Struct, frozen=True, tag="floor"):
    """What a reference reaches on a task outside the contest, with as many evaluations as it wants."""

    task: str
    name: str
    score: float
    evaluations: int


Line = Outcome | LeftOut | Floor
"""A line of the journal."""


class Observed(NamedTuple):
    """A candidate and its score."""

    candidate: Candidate
    score: float


class BudgetSpent(Exception):
    """The budget of the cell allows no further evaluation."""


class Meter:
    """Scores the candidates of one cell until its budget is spent. Higher scores are better.

    The first evaluation is the task's start, which every method is told alike.
    """

    def __init__(self, score: Callable[[Candidate], float], start: Candidate, budget: int) -> None:
        self._score, self._budget = score, budget
        self.course: list[tuple[int, float]] = []
        self.evaluations = 0
        self.best: Observed | None = None
        self.spent: dict[str, float] = {}
        self.unanswered = ""
        """Why the language model did not reply to a proposal, if it is not the method's doing."""
        self.start = Observed(start, self(start))

    @property
    def left(self) -> int:
        """How much of the budget is left."""
        return self._budget - self.at

    @property
    def at(self) -> int:
        """How much of the budget is spent: evaluations."""
        return self.evaluations

    def __call__(self, candidate: Candidate) -> float:
        """The score of `candidate`; raises `BudgetSpent` where none is left."""
        if self.left <= 0:
            raise BudgetSpent
        score = self._score(candidate)
        self.evaluations += 1
        if self.best is None or score > self.best.score:
            self.best = Observed(candidate, score)
            self.course.append((self.at, score))
        return score

    def count(self, resource: str, amount: float) -> None:
        """Counts what a method has spent beside evaluations: tokens, proposals, calls."""
        self.spent[resource] = self.spent.get(resource, 0.0) + amount

    def close(self) -> None:
        """Counts what is known at the end."""
