"""What the methods that ask a language model spent, how ours stands beside each, and what is built on no gain."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

import msgspec
from scipy import stats

from benchmarks.arena import tasks
from benchmarks.arena.cell import Outcome
from benchmarks.arena.programs.unchanging import GROUP

Outcomes = Sequence[Outcome]
FIRST = "ours-model"
DOLLARS_IN, DOLLARS_OUT = 2.0, 10.0
"""Of a million tokens: the price of Claude Sonnet 5.5 in November 2026, without its cache."""


class Spending(msgspec.Struct, frozen=True):
    """Means over the cells of a method: tokens and evaluations for each proposal, the share of wasted calls."""

    tokens_in: float
    tokens_out: float
    evaluations: float
    wasted: float
    seconds: float
    stopped_early: int

    @property
    def dollars(self) -> float:
        """Of a thousand proposals, at the stated price."""
        return (self.tokens_in * DOLLARS_IN + self.tokens_out * DOLLARS_OUT) / 1000


class Beside(msgspec.Struct, frozen=True):
    """On how many tasks the median of the first method is better and worse by more than the tolerance, and the tasks on
    which it is worse with p < .05 by Mann and Whitney's test over seeds."""

    better: int
    worse: int
    surely_worse: Sequence[str]


class Programs(msgspec.Struct, frozen=True):
    """The methods at one budget. `no_gain` is, by task on which nothing can be gained and method, the mean number of
    proposals built on a program that was no better than the start."""

    budget: int
    spending: Mapping[str, Spending]
    medians: Mapping[str, Mapping[str, float]]
    beside: Mapping[str, Beside]
    no_gain: Mapping[str, Mapping[str, float]]


def programs(outcomes: Outcomes) -> list[Programs]:
    """For each budget, from the cells of tasks of programs."""
    budgets = sorted({one.cell.budget for one in outcomes})
    return [_at(budget, [one for one in outcomes if one.cell.budget == budget]) for budget in budgets]


def _at(budget: int, outcomes: Outcomes) -> Programs:
    contest = [one for one in outcomes if tasks.find(one.cell.task).group != GROUP]
    rest = [one for one in outcomes if tasks.find(one.cell.task).group == GROUP]
    names = list(dict.fromkeys(one.cell.method for one in outcomes))
    scores: dict[str, dict[str, list[float]]] = {}
    for one in contest:
        scores.setdefault(one.cell.task, {}).setdefault(one.cell.method, []).append(one.best_at(budget))
    no_gain: dict[str, dict[str, list[float]]] = {}
    for one in rest:
        no_gain.setdefault(one.cell.task, {}).setdefault(one.cell.method, []).append(one.spent["built on no gain"])
    return Programs(
        budget,
        {name: _spending([one for one in contest if one.cell.method == name]) for name in names if contest},
        {task: {name: statistics.median(found) for name, found in row.items()} for task, row in scores.items()},
        {name: _beside(scores, name) for name in names if name != FIRST and FIRST in names},
        {task: {name: statistics.fmean(found) for name, found in row.items()} for task, row in no_gain.items()},
    )


def _spending(outcomes: Outcomes) -> Spending:
    def total(what: str) -> float:
        return sum(one.spent.get(what, 0.0) for one in outcomes)

    proposals = total("proposals") or 1.0
    return Spending(
        total("tokens in") / proposals,
        total("tokens out") / proposals,
        total("evaluations") / proposals,
        total("wasted calls") / proposals,
        statistics.fmean([one.spent["seconds"] for one in outcomes] or [0.0]),
        sum(bool(one.failure) for one in outcomes),
    )


def _beside(scores: Mapping[str, Mapping[str, Sequence[float]]], other: str) -> Beside:
    better, worse, surely = 0, 0, []
    for task, row in scores.items():
        if FIRST in row and other in row:
            gap = statistics.median(row[FIRST]) - statistics.median(row[other])
            better += gap > tasks.find(task).tolerance
            worse += gap < -tasks.find(task).tolerance
            if gap < 0 and stats.mannwhitneyu(row[FIRST], row[other]).pvalue < 0.05:
                surely.append(task)
    return Beside(better, worse, surely)
