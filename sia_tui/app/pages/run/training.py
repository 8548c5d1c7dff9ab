"""Training curves: what a weights step reported as it went."""

from __future__ import annotations

from engine.events import types as t
from sia_tui.app.model.snapshot import Moment
from sia_tui.app.rows.chart import Curve, chart
from sia_tui.app.rows.event_line import rank
from sia_tui.app.rows.row import BLANK, Page, Row, Target, heading, row


def build(moment: Moment, target: Target, width: int) -> Page:
    """A chart for each value that training reported; of generation `target.first`, or of the last that trained."""
    found = [event for event in moment.seen() if isinstance(event.payload, t.TrainingProgress)]
    wanted = int(target.first) or (found[-1].generation if found else 0)
    reports = [event.payload for event in found if event.generation == wanted]
    values: dict[str, tuple[list[float], list[float]]] = {}
    for report in reports:
        if isinstance(report, t.TrainingProgress):
            for name, value in report.values.items():
                x, y = values.setdefault(name, ([], []))
                x.append(report.step)
                y.append(value)
    rows: list[Row] = []
    for name, (x, y) in sorted(values.items(), key=lambda item: rank(item[0])):
        rows += [
            heading(name, f"{y[-1]:.4g} at step {x[-1]:g}"),
            *chart([Curve(name, x, y)], [], width, 10, x="step"),
            BLANK,
        ]
    return Page("training", rows or [row(("no weights were trained at this event", "dim"))])
