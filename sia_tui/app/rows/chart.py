"""A chart in cells: marks with whole error bars, lines in dots, steps, and levels with their names."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import NamedTuple

from rich.cells import cell_len, set_cell_size

from engine.plain import decimal
from sia_tui.app.rows.row import Row, Span, Tone, row
from sia_tui.app.rows.text import wrap
from sia_tui.cli.figures.figure import Figure, Look, Point, Scale, Series, outside, tick_labels, x_scale, y_scale

_MARKS: dict[Look, tuple[str, Tone]] = {
    "accepted": ("●", "good"),
    "rejected": ("○", ""),
    "refused": ("×", "bad"),
    "held": ("!", "warn"),
    "not judged": ("?", "accent"),
    "honest": ("◆", "chart2"),
    "baseline": ("△", "dim"),
    "plain": ("●", "chart"),
}
_BELOW = "▼"
"""In place of the mark of a point that lies far below the chart."""
_NAMED_FROM = 60
"""In fewer cells the names of levels stand in the legend only."""
_MOST_NAME = 22
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""The bits of a Braille character by row and column."""


def chart_rows(figure: Figure, width: int, height: int) -> list[Row]:
    """The chart in `width` by `height` cells, its legend included."""
    legend = _legend(figure, width)
    canvas = _Canvas(figure, max(20, width), max(5, height - len(legend) - 2))
    canvas.draw()
    return [*canvas.rows(), *legend]


class _Frame(NamedTuple):
    """The cells of the plot itself, without axes and names."""

    x: Scale
    y: Scale
    width: int
    height: int

    def column(self, x: float) -> int:
        return min(self.width - 1, max(0, int(self.x.share(x) * self.width)))

    def line(self, y: float) -> int:
        return min(self.height - 1, max(0, int((1 - self.y.share(y)) * self.height)))


class _Canvas:
    """Characters by cell; what is drawn later covers what was there."""

    def __init__(self, figure: Figure, width: int, height: int) -> None:
        self.figure = figure
        y = y_scale(figure, max(3, height // 2))
        self.labels = tick_labels(y.ticks)
        self.gutter = max(map(len, self.labels)) + 2
        far = outside(figure)
        self.levels = [one for one in figure.levels if one not in far]
        names = [min(_MOST_NAME, cell_len(one.name)) + 1 for one in self.levels] if width >= _NAMED_FROM else []
        self.margin = max(names, default=0)
        inner = max(8, width - self.gutter - self.margin)
        self.frame = _Frame(x_scale(figure, max(2, inner // 5)), y, inner, height)
        self.cells: dict[tuple[int, int], Span] = {}
        self.names: dict[int, str] = {}

    def draw(self) -> None:
        """Levels first, then lines, then marks with their errors."""
        for level in sorted(self.levels, key=lambda one: -one.y):
            line = self.frame.line(level.y)
            for column in range(self.frame.width):
                self.cells[line, column] = ("┄", "dim")
            self.names[line] = f"{self.names[line]}, {level.name}" if line in self.names else level.name
        for series in self.figure.series:
            if series.shape == "steps":
                self._steps(series)
            elif series.shape == "line":
                self._curve(series)
            elif series.shape == "bars":
                self._bars(series)
        marks = [point for series in self.figure.series if series.shape == "marks" for point in series.points]
        for point in marks:
            if point.y >= self.frame.y.low:
                self._error(point)
        for point in marks:
            mark, tone = _MARKS[point.look]
            below = point.y < self.frame.y.low
            self.cells[self.frame.line(point.y), self.frame.column(point.x)] = (_BELOW if below else mark, tone)

    def _error(self, point: Point) -> None:
        tone, column = _MARKS[point.look][1], self.frame.column(point.x)
        top, bottom = self.frame.line(point.y + point.se), self.frame.line(point.y - point.se)
        if top == bottom:
            return
        for line in range(top, bottom + 1):
            self.cells[line, column] = ("┬" if line == top else "┴" if line == bottom else "│", tone)

    def _steps(self, series: Series) -> None:
        at, before = 0, -1
        for index, point in enumerate(series.points):
            line, start = self.frame.line(point.y), self.frame.column(point.x)
            end = series.points[index + 1].x if index + 1 < len(series.points) else point.x + 0.5
            if before >= 0 and line != at:
                up = line < at
                for between in range(min(line, at) + 1, max(line, at)):
                    self.cells[between, start] = ("│", "good")
                self.cells[at, start] = ("╯" if up else "╮", "good")
                self.cells[line, start] = ("╭" if up else "╰", "good")
                start += 1
            for column in range(start, self.frame.column(end) + (index + 1 == len(series.points))):
                self.cells[line, column] = ("─", "good")
            at, before = line, index

    def _curve(self, series: Series) -> None:
        """The points joined by straight lines, in dots of half a cell by a quarter."""
        frame, bits = self.frame, dict[tuple[int, int], int]()
        places = [
            (
                min(frame.width * 2 - 1, int(frame.x.share(point.x) * frame.width * 2)),
                min(frame.height * 4 - 1, int((1 - frame.y.share(point.y)) * frame.height * 4)),
            )
            for point in series.points
        ]
        if len(places) == 1:
            self.cells[places[0][1] // 4, places[0][0] // 2] = _MARKS["plain"]
        for first, second in itertools.pairwise(places):
            for x, y in _between(first, second):
                cell = (y // 4, x // 2)
                bits[cell] = bits.get(cell, 0) | _DOTS[y % 4][x % 2]
        for cell, dots in bits.items():
            self.cells[cell] = (chr(0x2800 + dots), "chart")

    def _bars(self, series: Series) -> None:
        room = self.frame.width / max(1.0, self.frame.x.high - self.frame.x.low)
        wide = max(1, int(room * 0.6))
        for point in series.points:
            middle = self.frame.column(point.x)
            for column in range(max(0, middle - wide // 2), min(self.frame.width, middle - wide // 2 + wide)):
                for line in range(self.frame.line(point.y), self.frame.height):
                    self.cells[line, column] = ("█", "chart")

    def rows(self) -> Iterator[Row]:
        """The lines of the plot with its axes."""
        ticks = {self.frame.line(tick): label for tick, label in zip(self.frame.y.ticks, self.labels, strict=True)}
        for line in range(self.frame.height):
            label = ticks.get(line, "")
            spans: list[Span] = [(f"{label:>{self.gutter - 2}} {'┤' if label else '│'}", "dim")]
            spans += [self.cells.get((line, column), (" ", "")) for column in range(self.frame.width)]
            name = self.names.get(line, "")
            if self.margin and name:
                spans.append((f" {_fit(name, self.margin - 1)}", "dim"))
            yield row(*_joined(spans))
        axis, labels = ["─"] * self.frame.width, [" "] * (self.frame.width + 1)
        for tick, label in zip(self.frame.x.ticks, tick_labels(self.frame.x.ticks), strict=True):
            column = self.frame.column(tick)
            start = max(0, min(self.frame.width - len(label), column - len(label) // 2))
            if all(one == " " for one in labels[max(0, start - 1) : start + len(label)]):
                axis[column] = "┬"
                labels[start : start + len(label)] = label
        yield row((f"{'':>{self.gutter - 2}} └{''.join(axis)}", "dim"))
        yield row((f"{'':>{self.gutter}}{''.join(labels).rstrip()}", "dim"))


def _between(first: tuple[int, int], second: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """The dots of a straight line."""
    steps = max(abs(second[0] - first[0]), abs(second[1] - first[1]), 1)
    for step in range(steps + 1):
        yield tuple(round(a + (b - a) * step / steps) for a, b in zip(first, second, strict=True))  # type: ignore[misc]


def _fit(text: str, room: int) -> str:
    return text if cell_len(text) <= room else f"{set_cell_size(text, room - 1)}…"


def _joined(spans: list[Span]) -> list[Span]:
    """Neighbours of one tone as one span."""
    joined: list[Span] = []
    for text, tone in spans:
        if joined and joined[-1][1] == tone:
            joined[-1] = (joined[-1][0] + text, tone)
        else:
            joined.append((text, tone))
    return joined


def _legend(figure: Figure, width: int) -> list[Row]:
    """What the marks mean, in as many rows as they need."""
    marked = [point for series in figure.series if series.shape == "marks" for point in series.points]
    parts: list[Span] = [(f"→ {figure.x}", "dim")]
    for look in dict.fromkeys(point.look for point in marked):
        mark, tone = _MARKS[look]
        parts.append((f"{mark} {look}", tone))
    if any(series.shape == "steps" for series in figure.series):
        parts.append(("─ best so far", "good"))
    if any(point.se for point in marked):
        parts.append(("bars: 1 standard error", "dim"))
    if any(point.y < y_scale(figure).low for point in marked):
        parts.append((f"{_BELOW} far below", "dim"))
    far = outside(figure)
    parts += [(f"┄ {one.name} {decimal(one.y)}", "dim") for one in figure.levels if one not in far]
    low = y_scale(figure).low
    parts += [(f"{'↓' if one.y < low else '↑'} {one.name} {decimal(one.y)}, outside the chart", "dim") for one in far]
    rows: list[list[Span]] = []
    used = 0
    for text, tone in parts:
        if cell_len(text) > width:
            rows += [[*line.spans] for line in wrap(text, width, tone)]
            used = width
        elif not rows or used + 2 + cell_len(text) > width:
            rows.append([(text, tone)])
            used = cell_len(text)
        else:
            rows[-1] += [("  ", ""), (text, tone)]
            used += 2 + cell_len(text)
    return [row(*spans) for spans in rows]
