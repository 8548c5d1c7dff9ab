"""Curves of the best so far: the regret that is left after each evaluation, as a share of that of the start."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence

from benchmarks.arena import tasks
from benchmarks.arena.cell import Outcome
from benchmarks.arena.journal import Journal
from benchmarks.arena.report.standing import Standing, share_at
from engine.plain import plural
from sia_tui.cli.figures.figure import Figure, Point, Series


def figures(journal: Journal, of: Standing) -> list[Figure]:
    """A chart for each group of tasks, with a curve for each method: the mean over tasks and seeds of log10."""
    seeds = plural(len(of.seeds), "seed")
    groups: dict[str, list[str]] = {}
    for task in of.scores:
        groups.setdefault(tasks.find(task).group, []).append(task)
    outcomes = [
        one
        for one in journal.outcomes.values()
        if one.cell.budget == of.budget and one.cell.seed in of.seeds and one.cell.task in of.scores
    ]
    return [
        Figure(
            f"{group}: regret left after each {of.unit} ({plural(len(names), 'task')}, {seeds})",
            f"{of.unit}s",
            "log10 of the share of the start's regret",
            [
                Series(
                    method,
                    _curve([o for o in outcomes if o.cell.task in names and o.cell.method == method], of),
                    "line",
                )
                for method in of.ranks
            ],
        )
        for group, names in groups.items()
    ]


def _curve(outcomes: Sequence[Outcome], of: Standing) -> list[Point]:
    at = sorted({round(of.budget ** (place / 40)) for place in range(41)})
    return [Point(n, _mean_log(outcomes, of.best, n)) for n in at]


def _mean_log(outcomes: Sequence[Outcome], best: Mapping[str, float], n: int) -> float:
    return statistics.fmean(math.log10(share_at(one, best[one.cell.task], n)) for one in outcomes)
