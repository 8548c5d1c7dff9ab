"""The charts of a run: scores, honest scores, training curves, and costs by generation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from engine.core.state import State
from engine.events import types as t
from engine.events.event import Event
from engine.queries import score_course
from sia_tui.cli.figures.figure import Figure, Level, Point, Series
from sia_tui.cli.figures.training_values import value_order

_COSTS = (("evaluations", "evaluations"), ("tokens", "tokens"), ("usd", "US$"), ("wall_s", "seconds"))


def scores(state: State) -> Figure | None:
    """The score on `val` by generation: with its error, its outcome, the best so far, baselines and honest scores."""
    found = score_course.measured(state)
    if not found:
        return None
    courses = score_course.best_so_far(state)
    series = [
        Series(f"best so far on val {at}" if len(courses) > 1 else "best so far", _points(course), "steps")
        for at, course in enumerate(courses, 1)
    ]
    series.append(Series("on val", [Point(one.n, one.val.score, one.val.se, one.outcome) for one in found]))
    if honest := [Point(one.n, one.honest.score, one.honest.se, "honest") for one in found if one.honest]:
        series.append(Series("honest", honest))
    baselines = state.baseline.scores if state.baseline else {}
    levels = [Level(name, one.score) for name, one in baselines.items()]
    metric = state.domain.metric if state.domain else "score"
    return Figure(f"{state.name}: scores on val by generation", "generation", metric, series, levels, whole=True)


def honest(state: State) -> Figure | None:
    """Candidates and baselines by public and honest score: a gain in one at the other's expense is visible."""
    points = [
        Point(one.val.score, one.honest.score, 0.0, one.outcome) for one in score_course.measured(state) if one.honest
    ]
    if not points:
        return None
    measured = state.baseline.scores if state.baseline else {}
    checks = state.baseline.private if state.baseline else {}
    baselines = [
        Point(measured[name].score, check.honest.score, 0.0, "baseline")
        for name, check in checks.items()
        if check.honest and name in measured
    ]
    series = [Series("candidates", points), *([Series("baselines", baselines)] if baselines else [])]
    return Figure(f"{state.name}: honest score by public score", "public score on val", "honest score", series)


def trained(events: Iterable[Event]) -> dict[int, list[Figure]]:
    """By generation that trained: a chart for each value that its training reported, over all its reports."""
    values: dict[int, dict[str, list[Point]]] = {}
    for event in events:
        if isinstance(event.payload, t.TrainingProgress):
            for name, value in event.payload.values.items():
                values.setdefault(event.generation, {}).setdefault(name, []).append(Point(event.payload.step, value))
    return {
        n: [
            Figure(name, "report", name, [Series(name, points, "line")])
            for name, points in sorted(found.items(), key=lambda item: value_order(item[0]))
        ]
        for n, found in values.items()
    }


def costs(name: str, generations: Iterable[Mapping[str, Any]]) -> list[Figure]:
    """A chart for each resource that the run spent, by generation; 0 stands for what came before the first."""
    rows = list(generations)
    return [
        Figure(f"{name}: {label} by generation", "generation", label, [Series(label, points, "bars")], whole=True)
        for key, label in _COSTS
        if any(row[key] for row in rows)
        for points in [[Point(row["n"], row[key]) for row in rows]]
    ]


def _points(course: list[tuple[int, float]]) -> list[Point]:
    return [Point(n, score) for n, score in course]
