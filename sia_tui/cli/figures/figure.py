"""A chart as data: series of points, horizontal levels, and the scale on which all of them are drawn."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import Literal, NamedTuple

Look = Literal["accepted", "rejected", "refused", "held", "not judged", "honest", "baseline", "plain"]
"""What a point stands for; each has a mark and a colour of its own."""
Shape = Literal["marks", "line", "steps", "bars"]
_MARGIN = 0.06
"""Room above and below the data, as a share of their range."""
_FEWEST = 5
"""Of fewer marks none is far from the others."""


class Point(NamedTuple):
    """A point, with a standard error where it has one."""

    x: float
    y: float
    se: float = 0.0
    look: Look = "plain"


class Series(NamedTuple):
    """Points that belong together. `steps` stay level until the next point."""

    name: str
    points: Sequence[Point]
    shape: Shape = "marks"


class Level(NamedTuple):
    """A horizontal line."""

    name: str
    y: float


class Figure(NamedTuple):
    """A chart. With `whole`, the places on the x axis are whole numbers, and all of them are labelled."""

    title: str
    x: str
    y: str
    series: Sequence[Series]
    levels: Sequence[Level] = ()
    whole: bool = False

    @property
    def points(self) -> list[Point]:
        """All points."""
        return [point for one in self.series for point in one.points]


class Scale(NamedTuple):
    """From `low` to `high`, with labelled `ticks` between."""

    low: float
    high: float
    ticks: Sequence[float]

    def share(self, value: float) -> float:
        """Where `value` lies: 0 at the low end, 1 at the high one."""
        return (value - self.low) / (self.high - self.low)


def y_scale(figure: Figure, ticks: int = 6) -> Scale:
    """The scale of the data with their whole errors, and of the levels that lie within one range of them.

    What is far away would press the data flat: `outside` names the levels, and marks far below most others, as a first
    candidate's, lie below `low`. A mark far above the others never is left out.
    """
    low, high = _data_range(figure)
    near = [one.y for one in figure.levels if not _is_far(one.y, low, high)]
    low, high = min([low, *near]), max([high, *near])
    margin = _MARGIN * (high - low)
    bars = any(one.shape == "bars" for one in figure.series)
    low, high = low if bars and low == 0 else low - margin, high + margin
    return Scale(low, high, nice_ticks(low, high, ticks))


def x_scale(figure: Figure, ticks: int = 8) -> Scale:
    """The scale of the places; around whole numbers there is half a place of room."""
    values = [point.x for point in figure.points]
    low, high = min(values), max(values)
    if figure.whole:
        step = max(1, math.ceil((high - low + 1) / ticks))
        return Scale(low - 0.5, high + 0.5, [low + step * i for i in range(int((high - low) // step) + 1)])
    margin = _MARGIN * (high - low) or 0.5
    low, high = low - margin, high + margin
    return Scale(low, high, nice_ticks(low, high, ticks))


def outside(figure: Figure) -> list[Level]:
    """The levels that lie too far from the data to be drawn."""
    low, high = _data_range(figure)
    return [one for one in figure.levels if _is_far(one.y, low, high)]


def nice_ticks(low: float, high: float, most: int) -> list[float]:
    """At most about `most` round values between `low` and `high`."""
    rough = (high - low) / max(1, most)
    if not rough > 0:
        return [low]
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    return [number * step for number in range(first, math.floor(high / step + 1e-9) + 1)]


def tick_labels(ticks: Sequence[float]) -> list[str]:
    """The ticks as text, all with as many decimals as their distance needs."""
    step = ticks[1] - ticks[0] if len(ticks) > 1 else abs(ticks[0]) or 1.0
    largest = max(map(abs, ticks))
    if largest >= 1e6 or step < 1e-5:
        return [f"{tick:.3g}" for tick in ticks]
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    return [f"{tick:,.{decimals}f}" for tick in ticks]


def _data_range(figure: Figure) -> tuple[float, float]:
    least = _least(figure)
    ends = [end for point in figure.points if point.y >= least for end in (point.y - point.se, point.y + point.se)]
    if any(one.shape == "bars" for one in figure.series):
        ends.append(0.0)
    low, high = min(ends), max(ends)
    if high - low > 1e-12 * max(abs(low), abs(high), 1e-300):
        return low, high
    room = 0.05 * abs(high) or 0.5
    return low - room, high + room


def _least(figure: Figure) -> float:
    """Marks below this are far from the others: by three distances of the quartiles (Tukey's outer fence, 1977)."""
    marks = [point.y for one in figure.series if one.shape == "marks" for point in one.points if point.look != "honest"]
    if not figure.whole or len(marks) < _FEWEST:
        return -math.inf
    first, _, third = statistics.quantiles(marks, method="inclusive")
    return first - 3 * (third - first)


def _is_far(y: float, low: float, high: float) -> bool:
    return not low - (high - low) <= y <= high + (high - low)
