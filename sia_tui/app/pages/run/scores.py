"""Scores by generation: each candidate with its error bar, the baselines, and the honest score where there is one."""

from __future__ import annotations

from engine.queries import score_course
from sia_tui.app.model.snapshot import RunSnapshot
from sia_tui.app.rows.chart import chart_rows
from sia_tui.app.rows.row import BLANK, Page, Row, Target, Tone, empty_page, heading, row
from sia_tui.app.rows.units import format_honest, format_score
from sia_tui.cli.figures import run_figures
from sia_tui.cli.formats import checked

_LEAST = 14
"""The rows of a chart where the pane has fewer."""
_TONES: dict[score_course.Outcome, Tone] = {
    "accepted": "good", "rejected": "dim", "refused": "bad", "held": "bad", "not judged": "accent",
}  # fmt: skip


def build(snapshot: RunSnapshot, _target: Target, width: int, height: int) -> Page:
    """The chart, as tall as the pane, and its numbers."""
    state = snapshot.state
    figure = run_figures.scores(state)
    if figure is None:
        return empty_page("scores", "no candidate has been executed at this event")
    turns = state.rotation
    rows: list[Row] = chart_rows(figure, width, max(_LEAST, height))
    if honest := run_figures.honest(state):
        rows += [BLANK, heading("honest score by public score"), *chart_rows(honest, width, max(_LEAST, height - 2))]
    rows += [BLANK, row(("gen    val               verdict", "dim"))]
    for one in score_course.measured(state):
        n, val = one.n, one.val
        of = f"on val {turns.number(n)}   " if turns.every else ""
        beside = f"   {format_honest(val.score, one.honest.score)}" if one.honest else ""
        shown = f"{n:>3}    {format_score(val.score, val.se, val.n)}   {of}"
        rows.append(row(shown, (one.outcome, _TONES[one.outcome]), (beside, ""), to=Target("generation", n)))
    for name, score in (state.baseline.scores if state.baseline else {}).items():
        beside = checked(score.score, state.baseline.private.get(name) if state.baseline else None)
        rows.append(row((f"       {format_score(score.score, score.se, score.n)}   baseline: {name}{beside}", "dim")))
    return Page("scores by generation", rows)
