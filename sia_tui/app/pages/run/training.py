"""Training curves: the values that a weights step reported."""

from __future__ import annotations

from sia_tui.app.model.snapshot import RunSnapshot
from sia_tui.app.rows.chart import chart_rows
from sia_tui.app.rows.row import BLANK, Page, Row, Target, empty_page, heading
from sia_tui.cli.figures import run_figures

_HEIGHT = 12
"""Of one chart among several."""


def build(snapshot: RunSnapshot, target: Target, width: int, height: int) -> Page:
    """A chart for each value, of generation `target.first`, or of the last one that trained; one alone is as tall as
    the pane."""
    trained = run_figures.trained(snapshot.milestones())
    figures = trained.get(int(target.first) or max(trained, default=0), [])
    tall = max(_HEIGHT, height - 1) if len(figures) == 1 else _HEIGHT
    rows: list[Row] = []
    for figure in figures:
        last = figure.points[-1]
        rows.append(heading(figure.title, f"{last.y:.4g} at step {last.x:g}"))
        rows += [*chart_rows(figure, width, tall), BLANK]
    return Page("training", rows) if rows else empty_page("training", "no weights were trained at this event")
