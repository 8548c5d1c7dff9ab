"""Charts as SVG: one picture with a panel for each chart, complete in itself, for browsers and word processors.

Every kind of colour vision tells the colours apart (Okabe and Ito, 2008), and each has a mark of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import NamedTuple

from engine.plain import decimal
from sia_tui.cli.figures.figure import Figure, Look, Point, Scale, Series, outside, tick_labels, x_scale, y_scale
from sia_tui.cli.output import plain

WIDTH, HEIGHT = 960, 480
"""Of a panel, in pixels."""
_LEFT, _RIGHT, _TOP, _BOTTOM = 84, 236, 48, 58
_LINE_PX = 18
_COLOURS: dict[Look, str] = {
    "accepted": "#009e73",
    "rejected": "#767676",
    "refused": "#d55e00",
    "held": "#b8860b",
    "not judged": "#0072b2",
    "honest": "#cc79a7",
    "baseline": "#56b4e9",
    "plain": "#0072b2",
}
_LINES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b8860b", "#56b4e9", "#222222")
"""Where a chart has several lines: a colour and a dash for each, in turn."""
_STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#222}.title{font-size:17px;font-weight:600}"
    ".axis{stroke:#444;fill:none}.grid{stroke:#e4e4e4}.level{stroke:#888;stroke-dasharray:5 4}"
    ".curve{fill:none;stroke-width:2}.small{font-size:12px;fill:#555}"
)


class _Panel(NamedTuple):
    """A chart on the page: its scales, and the height at which it begins."""

    figure: Figure
    top: int
    x: Scale
    y: Scale

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Where a point lies, in pixels; what is far below the chart lies on its axis."""
        return (
            _LEFT + self.x.share(x) * (WIDTH - _LEFT - _RIGHT),
            self.top + HEIGHT - _BOTTOM - max(0.0, self.y.share(y)) * (HEIGHT - _TOP - _BOTTOM),
        )


def document(figures: Sequence[Figure]) -> str:
    """The charts below each other, as one SVG file."""
    height = HEIGHT * len(figures)
    parts = [line for place, figure in enumerate(figures) for line in _panel(figure, place * HEIGHT)]
    title = _text_of("; ".join(figure.title for figure in figures))
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
            f'height="{height}" role="img">',
            f"<title>{title}</title>",
            f"<style>{_STYLE}</style>",
            f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
            *parts,
            "</svg>\n",
        ]
    )


def _panel(figure: Figure, top: int) -> Iterator[str]:
    panel = _Panel(figure, top, x_scale(figure), y_scale(figure))
    yield _text(_LEFT, top + 26, figure.title, "title")
    yield from _axes(panel)
    yield from _levels(panel)
    for series in figure.series:
        yield from _series(panel, series)
    yield from _legend(panel)


def _levels(panel: _Panel) -> Iterator[str]:
    """The levels with their names on them: at the right end, at the left one where the next level is too close."""
    far, above = outside(panel.figure), float("-inf")
    for level in sorted(panel.figure.levels, key=lambda one: -one.y):
        if level in far:
            continue
        (left, y), (right, _) = panel.at(panel.x.low, level.y), panel.at(panel.x.high, level.y)
        yield f'<line class="level" x1="{left:.1f}" x2="{right:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>'
        crowded = y - above < _LINE_PX
        place, anchor = (left + 4, "start") if crowded else (right - 4, "end")
        yield _text(place, y - 4, _cut(level.name), "small", anchor=anchor)
        above = float("-inf") if crowded else y


def _axes(panel: _Panel) -> Iterator[str]:
    (left, bottom), (right, top) = panel.at(panel.x.low, panel.y.low), panel.at(panel.x.high, panel.y.high)
    for tick, label in zip(panel.y.ticks, tick_labels(panel.y.ticks), strict=True):
        _, y = panel.at(panel.x.low, tick)
        yield f'<line class="grid" x1="{left:.1f}" x2="{right:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield _text(left - 8, y + 4, label, anchor="end")
    for tick, label in zip(panel.x.ticks, tick_labels(panel.x.ticks), strict=True):
        x, _ = panel.at(tick, panel.y.low)
        yield f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{bottom:.1f}" y2="{bottom + 5:.1f}"/>'
        yield _text(x, bottom + 21, label, anchor="middle")
    yield f'<path class="axis" d="M{left:.1f} {top:.1f}V{bottom:.1f}H{right:.1f}"/>'
    yield _text((left + right) / 2, bottom + 44, panel.figure.x, anchor="middle")
    middle = (top + bottom) / 2
    turned = f' transform="rotate(-90 20 {middle:.1f})"'
    yield _text(20, middle, panel.figure.y, anchor="middle", more=turned)


def _series(panel: _Panel, series: Series) -> Iterator[str]:
    places = [panel.at(point.x, point.y) for point in series.points]
    if series.shape == "bars":
        _, floor = panel.at(panel.x.low, 0.0)
        width = 0.6 * (WIDTH - _LEFT - _RIGHT) / (panel.x.high - panel.x.low)
        for x, y in places:
            shape = f'x="{x - width / 2:.1f}" y="{y:.1f}" width="{width:.1f}" height="{max(0.0, floor - y):.1f}"'
            yield f'<rect {shape} fill="{_COLOURS["plain"]}"/>'
    elif series.shape == "marks":
        for point, (x, y) in zip(series.points, places, strict=True):
            if point.y < panel.y.low:
                yield f'<path d="M{x - 6:.1f} {y - 11:.1f}h12l-6 9z" fill="{_COLOURS[point.look]}"/>'
                yield _text(x + 10, y - 3, decimal(point.y), "small")
                continue
            yield from _error(panel, point)
            yield _mark(point.look, x, y)
    else:
        first, *rest = places
        steps = series.shape == "steps"
        path = "".join(f"H{x:.1f}V{y:.1f}" if steps else f"L{x:.1f} {y:.1f}" for x, y in rest)
        end = f"H{panel.at(series.points[-1].x + 0.5, 0)[0]:.1f}" if steps else ""
        stroke = f'stroke="{_COLOURS["accepted"]}"' if steps else _line_stroke(panel.figure, series)
        yield f'<path class="curve" {stroke} d="M{first[0]:.1f} {first[1]:.1f}{path}{end}"/>'
        if not rest and not steps:
            yield _mark("plain", *first)


def _several_lines(figure: Figure) -> list[Series]:
    """The lines of a chart with more than one."""
    lines = [one for one in figure.series if one.shape == "line"]
    return lines if len(lines) > 1 else []


def _line_stroke(figure: Figure, series: Series) -> str:
    lines = _several_lines(figure)
    if series not in lines:
        return f'stroke="{_COLOURS["plain"]}"'
    place = lines.index(series)
    dash = f' stroke-dasharray="{6 + 3 * place} {2 + place}"' if place else ""
    return f'stroke="{_LINES[place % len(_LINES)]}"{dash}'


def _error(panel: _Panel, point: Point) -> Iterator[str]:
    if point.se:
        (x, low), (_, high) = panel.at(point.x, point.y - point.se), panel.at(point.x, point.y + point.se)
        path = f"M{x - 5:.1f} {high:.1f}h10M{x - 5:.1f} {low:.1f}h10M{x:.1f} {high:.1f}V{low:.1f}"
        yield f'<path fill="none" stroke="{_COLOURS[point.look]}" d="{path}"/>'


def _mark(look: Look, x: float, y: float) -> str:
    """A mark that is told from the others without its colour."""
    colour = _COLOURS[look]
    filled, hollow = f'fill="{colour}"', f'fill="#fff" stroke="{colour}" stroke-width="2"'
    match look:
        case "rejected" | "not judged":
            return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" {hollow}/>'
        case "refused":
            path = f"M{x - 5:.1f} {y - 5:.1f}l10 10m0 -10l-10 10"
            return f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="3"/>'
        case "honest":
            return f'<path d="M{x:.1f} {y - 6:.1f}l6 6l-6 6l-6 -6z" {filled}/>'
        case "held" | "baseline":
            return f'<path d="M{x:.1f} {y - 6:.1f}l6 11h-12z" {filled if look == "held" else hollow}/>'
        case _:
            return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" {filled}/>'


def _legend(panel: _Panel) -> Iterator[str]:
    figure, left = panel.figure, WIDTH - _RIGHT + 20
    y = panel.top + _TOP + 8
    marks = [one for one in figure.series if one.shape == "marks"]
    looks = dict.fromkeys(point.look for one in marks for point in one.points)
    for one in figure.series:
        if one.shape == "steps":
            yield f'<path class="curve" stroke="{_COLOURS["accepted"]}" d="M{left - 8} {y - 4}h16"/>'
            yield _text(left + 16, y, one.name)
            y += _LINE_PX
    for one in _several_lines(figure):
        yield f'<path class="curve" {_line_stroke(figure, one)} d="M{left - 8} {y - 4}h20"/>'
        yield _text(left + 20, y, _cut(one.name, 24))
        y += _LINE_PX
    for look in looks:
        yield _mark(look, left, y - 4)
        yield _text(left + 16, y, look)
        y += _LINE_PX
    if any(point.se for point in figure.points):
        yield _text(left - 8, y, "bars: 1 standard error", "small")
        y += _LINE_PX
    far = outside(figure)
    for level in sorted(figure.levels, key=lambda one: -one.y):
        if level not in far:
            yield f'<path class="level" d="M{left - 8} {y - 4}h16"/>'
        yield _text(left + 16, y, _cut(f"{level.name} {decimal(level.y)}") + (" (not drawn)" if level in far else ""))
        y += _LINE_PX


def _cut(text: str, most: int = 28) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _text(x: float, y: float, text: str, kind: str = "", *, anchor: str = "", more: str = "") -> str:
    named = f' class="{kind}"' if kind else ""
    placed = f' text-anchor="{anchor}"' if anchor else ""
    return f'<text x="{x:.1f}" y="{y:.1f}"{named}{placed}{more}>{_text_of(text)}</text>'


def _text_of(text: str) -> str:
    """Text that a run or a domain chose, as XML may hold it."""
    return escape(plain(text))
