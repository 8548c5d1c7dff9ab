"""Scores by generation: each candidate with its error bar, the baselines, and the honest score where there is one."""

from __future__ import annotations

from engine.core.rotation import Rotation
from engine.core.state import State
from engine.events import types as t
from engine.queries import score_course
from sia_tui.app.model.snapshot import RunSnapshot
from sia_tui.app.rows.chart import Curve, Level, chart_rows
from sia_tui.app.rows.row import BLANK, Page, Row, Target, Tone, empty_page, heading, row
from sia_tui.app.rows.units import format_honest, format_score

_TONES: dict[score_course.Outcome, Tone] = {
    "accepted": "good", "rejected": "dim", "refused": "bad", "held": "bad", "not judged": "accent",
}  # fmt: skip


def build(snapshot: RunSnapshot, _target: Target, width: int) -> Page:
    """The chart, and its numbers."""
    state = snapshot.state
    points = [
        (one.n, one.execution.scores["val"])
        for one in state.generations
        if one.execution and "val" in one.execution.scores
    ]
    if not points:
        return empty_page("scores", "no candidate has been executed at this event")
    baselines = state.baseline.scores if state.baseline else {}
    turns = state.rotation
    curves = [
        Curve(
            f"val {number}" if turns.every else "val",
            [n for n, _ in some],
            [s.score for _, s in some],
            [s.se for _, s in some],
        )
        for number, some in _by_val(points, turns)
    ]
    honest = [
        (one.n, check.honest)
        for one in state.generations
        if one.execution and (check := one.execution.private) and check.honest
    ]
    if honest:
        curves.append(Curve("honest", [n for n, _ in honest], [s.score for _, s in honest]))
    levels = [Level(name, one.score) for name, one in baselines.items()]
    rows: list[Row] = chart_rows(curves, levels, width, 16, x="generation")
    rows += _honest_chart(state, width)
    rows += [BLANK, row(("gen    val               verdict", "dim"))]
    for one in score_course.measured(state):
        n, val = one.n, one.val
        of = f"on val {turns.number(n)}   " if turns.every else ""
        beside = f"   {format_honest(val.score, one.honest.score)}" if one.honest else ""
        shown = f"{n:>3}    {format_score(val.score, val.se, val.n)}   {of}"
        rows.append(row(shown, (one.outcome, _TONES[one.outcome]), (beside, ""), to=Target("generation", n)))
    for name, score in baselines.items():
        rows.append(row((f"       {format_score(score.score, score.se, score.n)}   baseline: {name}", "dim")))
    return Page("scores by generation", rows)


def _by_val(points: list[tuple[int, t.Score]], turns: Rotation) -> list[tuple[int, list[tuple[int, t.Score]]]]:
    """The generations with their scores, by the val that they were executed on: no curve leads from one to another."""
    numbers = sorted({turns.number(n) for n, _ in points})
    return [(number, [(n, val) for n, val in points if turns.number(n) == number]) for number in numbers]


def _honest_chart(state: State, width: int) -> list[Row]:
    """Candidates and baselines by public and honest score: a gain in one at the other's expense is visible."""
    candidates = [
        (val.score, check.honest.score)
        for one in state.generations
        if one.execution and (val := one.execution.scores.get("val")) and (check := one.execution.private)
        if check.honest
    ]
    if not candidates:
        return []
    measured = state.baseline.scores if state.baseline else {}
    checks = state.baseline.private if state.baseline else {}
    baselines = [(measured[name].score, check.honest.score) for name, check in checks.items() if check.honest]
    curves = [
        Curve(name, [x for x, _ in points], [y for _, y in points])
        for name, points in (("candidates", candidates), ("baselines", baselines))
        if points
    ]
    return [BLANK, heading("honest score against score"), *chart_rows(curves, [], width, 14, x="score", ticks=False)]
