"""Training curves: the values that a weights step reported."""

from __future__ import annotations

from engine.events import types as t
from sia_tui.app.model.snapshot import RunSnapshot
from sia_tui.app.rows.chart import Curve, chart_rows
from sia_tui.app.rows.row import BLANK, Page, Row, Target, empty_page, heading
from sia_tui.cli.figures.training_values import value_order


def build(snapshot: RunSnapshot, target: Target, width: int) -> Page:
    """A chart for each value, of generation `target.first`, or of the last one that trained."""
    events = [event for event in snapshot.milestones() if isinstance(event.payload, t.TrainingProgress)]
    generation = int(target.first) or (events[-1].generation if events else 0)
    values: dict[str, tuple[list[float], list[float]]] = {}
    for event in events:
        if event.generation == generation and isinstance(event.payload, t.TrainingProgress):
            for name, value in event.payload.values.items():
                x, y = values.setdefault(name, ([], []))
                x.append(event.payload.step)
                y.append(value)
    rows: list[Row] = []
    for name, (x, y) in sorted(values.items(), key=lambda item: value_order(item[0])):
        rows.append(heading(name, f"{y[-1]:.4g} at step {x[-1]:g}"))
        rows += [*chart_rows([Curve(name, x, y)], [], width, 10, x="step"), BLANK]
    return Page("training", rows) if rows else empty_page("training", "no weights were trained at this event")
