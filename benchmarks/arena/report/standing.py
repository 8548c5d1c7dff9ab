"""How the methods stand at one budget: regrets, ranks with tests, and ratios by group of tasks.

The regret of a cell is how far its best score is below the best possible one, or, where that is not known, below the
best that any cell of the journal reached. It is divided by the mean regret of the starts, so that tasks can be
compared, and counts as `LEAST` below that. Ranks are within one task and seed; a difference below the task's tolerance
is a tie.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec
from scipy import stats

from benchmarks.arena import tasks
from benchmarks.arena.cell import Cell, Outcome
from benchmarks.arena.journal import Journal
from benchmarks.arena.report.ratios import LEAST, Span, ratio, span


class Mean(NamedTuple):
    """A mean and its standard error; None where one value says nothing of it."""

    mean: float
    se: float | None


class Pair(msgspec.Struct, frozen=True):
    """A method beside another: on how many tasks its mean rank is better and worse, and p of Wilcoxon's signed-rank
    test over tasks, by itself and after Holm's correction for all pairs."""

    method: str
    other: str
    better: int
    worse: int
    p: float
    corrected: float


class Standing(msgspec.Struct, frozen=True):
    """The methods that played the same cells at one budget, which counts in `unit`s.

    `ranks` are means over tasks. `ratios` are geometric means over the tasks of a group of mean regrets, divided by
    those of `beside`, and `spans` their intervals over seeds. `scores` and `honest` are means over seeds, by task and
    method; a method without a winner to judge has no honest score. `friedman` is p of Friedman's test of all ranks,
    over tasks.
    """

    budget: int
    unit: str
    seeds: Sequence[int]
    beside: str
    ranks: Mapping[str, Mean]
    friedman: float | None
    pairs: Sequence[Pair]
    group_ranks: Mapping[str, Mapping[str, float]]
    ratios: Mapping[str, Mapping[str, float]]
    spans: Mapping[str, Mapping[str, Span | None]]
    scores: Mapping[str, Mapping[str, Mean]]
    honest: Mapping[str, Mapping[str, Mean]]
    best: Mapping[str, float]
    seconds: Mapping[str, float]
    failures: Mapping[str, int]


def standing(journal: Journal, budget: int, methods: Sequence[str], *, first: str, beside: str) -> Standing | None:
    """How `methods` stand on the tasks and seeds that all of them have played; None where there are none."""
    of = {cell: outcome for cell, outcome in journal.outcomes.items() if cell.budget == budget}
    seeds = sorted({cell.seed for cell in of})
    blocks = [
        (task, seed)
        for task in tasks.TASKS
        for seed in seeds
        if all(Cell(task, method, seed, budget) in of for method in methods)
    ]
    names = list(dict.fromkeys(task for task, _ in blocks))
    if not blocks:
        return None
    played = {
        task: {method: [of[Cell(task, method, seed, budget)] for t, seed in blocks if t == task] for method in methods}
        for task in names
    }
    best = {task: _best(task, journal) for task in names}
    regrets = {task: {name: _regrets(best[task], some) for name, some in played[task].items()} for task in names}
    ranks = {task: _mean_ranks(regrets[task], tasks.find(task).tolerance) for task in names}
    groups = list(dict.fromkeys(tasks.find(task).group for task in names))
    of_group = {group: [task for task in names if tasks.find(task).group == group] for group in groups} | {"all": names}
    shares = {
        task: {name: [one / _scale(best[task], played[task]) for one in some] for name, some in rows.items()}
        for task, rows in regrets.items()
    }
    base = beside if beside in methods else methods[0]
    sides = {group: {name: [shares[t][name] for t in some] for name in methods} for group, some in of_group.items()}
    every = [outcome for rows in played.values() for some in rows.values() for outcome in some]
    return Standing(
        budget,
        "proposal" if all(tasks.find(name).kind == "program" for name in names) else "evaluation",
        sorted({seed for _, seed in blocks}),
        base,
        {name: _mean([ranks[task][name] for task in names]) for name in methods},
        _friedman([[ranks[task][name] for task in names] for name in methods]),
        _pairs(ranks, methods, first),
        {g: {m: statistics.fmean(ranks[t][m] for t in some) for m in methods} for g, some in of_group.items()},
        {group: {m: ratio(one, side[base]) for m, one in side.items()} for group, side in sides.items()},
        {group: {m: span(one, side[base]) for m, one in side.items()} for group, side in sides.items()},
        {task: {m: _mean([one.best_at(budget) for one in some]) for m, some in played[task].items()} for task in names},
        {
            task: {
                m: _mean(found)
                for m, some in rows.items()
                if (found := [o.honest for o in some if o.honest is not None])
            }
            for task, rows in played.items()
            if tasks.find(task).honest
        },
        best,
        {m: statistics.fmean(one.spent["seconds"] for one in every if one.cell.method == m) for m in methods},
        {m: sum(bool(one.failure) for one in every if one.cell.method == m) for m in methods},
    )


def share_at(outcome: Outcome, best: float, evaluations: int) -> float:
    """The regret of a cell after so many evaluations, as a share of that of its start."""
    begin = best - outcome.begun
    return max(LEAST, (best - outcome.best_at(evaluations)) / begin) if begin > 0 else LEAST


def _best(task: str, journal: Journal) -> float:
    """The best score that is possible, or else the best that was seen."""
    known = tasks.find(task).best
    if known is not None:
        return known
    seen = [one.best_at(one.cell.budget) for one in journal.outcomes.values() if one.cell.task == task]
    return max(seen)


def _regrets(best: float, outcomes: Sequence[Outcome]) -> list[float]:
    return [max(0.0, best - one.best_at(one.cell.budget)) for one in outcomes]


def _scale(best: float, played: Mapping[str, Sequence[Outcome]]) -> float:
    """The mean regret of the starts, which are the same for all methods."""
    return statistics.fmean(best - one.begun for one in next(iter(played.values()))) or 1.0


def _mean_ranks(regrets: Mapping[str, Sequence[float]], tolerance: float) -> dict[str, float]:
    """Each method's rank on one task, as a mean over its seeds; 1 is the best."""
    by_seed = [
        stats.rankdata([round(regret / tolerance) for regret in of_seed])
        for of_seed in zip(*regrets.values(), strict=True)
    ]
    return {name: float(statistics.fmean(row[i] for row in by_seed)) for i, name in enumerate(regrets)}


def _friedman(ranks: Sequence[Sequence[float]]) -> float | None:
    if len(ranks) < 3 or len(ranks[0]) < 3:
        return None
    p = float(stats.friedmanchisquare(*ranks).pvalue)
    return None if math.isnan(p) else p


def _pairs(ranks: Mapping[str, Mapping[str, float]], methods: Sequence[str], first: str) -> list[Pair]:
    if first not in methods:
        return []
    found: list[tuple[float, str, int, int]] = []
    for other in methods:
        if other == first:
            continue
        gaps = [row[other] - row[first] for row in ranks.values()]
        p = float(stats.wilcoxon(gaps).pvalue) if any(gaps) else 1.0
        found.append((p, other, sum(gap > 0 for gap in gaps), sum(gap < 0 for gap in gaps)))
    pairs, least = [], 0.0
    for place, (p, other, better, worse) in enumerate(sorted(found)):
        least = max(least, min(1.0, p * (len(found) - place)))
        pairs.append(Pair(first, other, better, worse, p, least))
    return pairs


def _mean(values: Sequence[float]) -> Mean:
    se = statistics.stdev(values) / math.sqrt(len(values)) if len(values) > 1 else None
    return Mean(statistics.fmean(values), se)
