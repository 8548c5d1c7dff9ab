"""A chart in text: points with error bars, and horizontal lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sia_tui.app.rows.row import Row, row
from sia_tui.app.rows.text import wrap

_MARKS = "ox*#"
_MAX_POINTS = 40
"""More points than this are joined by a line."""
_MAX_TICKS = 20


class Curve(NamedTuple):
    """Points, each with a standard error where there is one."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    se: Sequence[float] = ()


class Level(NamedTuple):
    """A horizontal line."""

    name: str
    y: float


def chart_rows(
    curves: Sequence[Curve], levels: Sequence[Level], width: int, height: int, *, x: str = "", ticks: bool = True
) -> list[Row]:
    """A chart of `width` by `height` cells with its legend below; `ticks` labels each place on the x axis."""
    import plotext

    plotext.clear_figure()
    plotext.theme("clear")
    plotext.plotsize(max(20, width), max(6, height))
    for curve, mark in zip(curves, _MARKS, strict=False):
        if any(curve.se):
            plotext.error(list(curve.x), list(curve.y), yerr=[2 * one for one in curve.se])  # the full bar's length
        plotext.scatter(list(curve.x), list(curve.y), marker=mark)
        if len(curve.x) > _MAX_POINTS:
            plotext.plot(list(curve.x), list(curve.y))
    for level in levels:
        plotext.hline(level.y)
    places = sorted({value for curve in curves for value in curve.x})
    if ticks and 0 < len(places) <= _MAX_TICKS:
        plotext.xticks(places, [f"{value:g}" for value in places])
    if x:
        plotext.xlabel(x)
    rows = [row((line, "chart")) for line in plotext.uncolorize(plotext.build()).split("\n")]
    legend = [
        f"{mark} {curve.name}" + (", bars are 1 standard error" if any(curve.se) else "")
        for curve, mark in zip(curves, _MARKS, strict=False)
    ]
    legend += [f"─ {level.name} {level.y:.4f}" for level in levels]
    return [*rows, *(line for name in legend for line in wrap(name, width, "dim"))]
