"""Score over generations: every candidate with its error bar, the incumbent, the baselines, and the honest score."""

from __future__ import annotations

from engine.core.state import State
from engine.events import types as t
from sia_tui.app.model.snapshot import Moment
from sia_tui.app.rows.chart import Curve, Level, chart
from sia_tui.app.rows.row import BLANK, Page, Row, Span, Target, heading, row, score


def build(moment: Moment, _target: Target, width: int) -> Page:
    """The chart, and the numbers that it shows."""
    state = moment.state
    points = [(one.n, one.execution.scores["val"]) for one in state.generations
              if one.execution and "val" in one.execution.scores]  # fmt: skip
    if not points:
        return Page("scores", [row(("no candidate has been executed at this event", "dim"))])
    levels = [Level(name, one.score) for name, one in (state.baseline.scores if state.baseline else {}).items()]
    curve = Curve("val", [n for n, _ in points], [s.score for _, s in points], [s.se for _, s in points])
    honest = [(one.n, check.honest) for one in state.generations
              if one.execution and (check := one.execution.private) and check.honest]  # fmt: skip
    curves = [curve]
    if honest:
        curves.append(Curve("honest", [n for n, _ in honest], [s.score for _, s in honest]))
    rows: list[Row] = chart(curves, levels, width, 16, x="generation")
    rows += _both_scores(state, width)
    rows += [BLANK, row(("gen    val               verdict", "dim"))]
    for n, val in points:
        rows.append(
            row(f"{n:>3}    {score(val.score, val.se)}   ", _verdict(state.of(n).verdict), to=Target("generation", n))
        )
    rows += [row((f"       {score(one.score, one.se)}   baseline: {name}", "dim"))
             for name, one in (state.baseline.scores if state.baseline else {}).items()]  # fmt: skip
    return Page("score over generations", rows)


def _both_scores(state: State, width: int) -> list[Row]:
    """Candidates and baselines by public and honest score, where there are two: who gains one at the other's cost."""
    tried = [
        (val.score, check.honest.score)
        for one in state.generations
        if one.execution and (val := one.execution.scores.get("val")) and (check := one.execution.private)
        if check.honest
    ]
    measured = state.baseline.scores if state.baseline else {}
    known = state.baseline.private if state.baseline else {}
    usual = [(measured[name].score, check.honest.score) for name, check in known.items() if check.honest]
    curves = [
        Curve(name, [x for x, _ in points], [y for _, y in points])
        for name, points in (("candidates", tried), ("baselines", usual))
        if points
    ]
    if not tried:
        return []
    return [BLANK, heading("honest score against score"), *chart(curves, [], width, 14, x="score", ticks=False)]


def _verdict(verdict: t.GateDecided | None) -> Span:
    if verdict is None:
        return ("not judged", "dim")
    return ("accepted", "good") if verdict.accepted else ("rejected", "dim")
