"""A chart in text: curves with error bars, and levels as lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sia_tui.app.rows.row import Row, prose, row

_MARKS = "ox*#"


class Curve(NamedTuple):
    """Points, with a standard error each where there is one."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    se: Sequence[float] = ()


class Level(NamedTuple):
    """A horizontal line."""

    name: str
    y: float


def chart(
    curves: Sequence[Curve], levels: Sequence[Level], width: int, height: int, *, x: str = "", ticks: bool = True
) -> list[Row]:
    """The rows of a chart of that size, its names below it; `ticks` marks every place on the x axis."""
    import plotext

    plotext.clear_figure()
    plotext.theme("clear")
    plotext.plotsize(max(20, width), max(6, height))
    for curve, mark in zip(curves, _MARKS, strict=False):
        if any(curve.se):
            plotext.error(list(curve.x), list(curve.y), yerr=[2 * one for one in curve.se])
        plotext.scatter(list(curve.x), list(curve.y), marker=mark)
        if len(curve.x) > 40:
            plotext.plot(list(curve.x), list(curve.y))
    for level in levels:
        plotext.hline(level.y)
    places = sorted({value for curve in curves for value in curve.x})
    if ticks and 0 < len(places) <= 20:
        plotext.xticks(places, [f"{value:g}" for value in places])
    if x:
        plotext.xlabel(x)
    rows = [row((line, "chart")) for line in plotext.uncolorize(plotext.build()).split("\n")]
    names = [f"{mark} {curve.name}" + (", bars are 1 standard error" if any(curve.se) else "")
             for curve, mark in zip(curves, _MARKS, strict=False)]  # fmt: skip
    names += [f"─ {level.name} {level.y:.4f}" for level in levels]
    return [*rows, *(line for name in names for line in prose(name, width, "dim"))]
