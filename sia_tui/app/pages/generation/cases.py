"""A table of cases, where a grade measures several: time, ratio, spread and whatever else is measured of each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from engine.grading.cases import table as by_case
from sia_tui.app.model.snapshot import Moment
from sia_tui.app.rows.row import BLANK, Page, Row, Target, heading, prose, row

_FIRST = ("ms", "ratio", "spread", "share of the roofline")
_SHORT = {"share of the roofline": "roofline"}
"""What a column is called where its name is wide."""


def table(measures: Iterable[tuple[str, float]]) -> dict[str, dict[str, float]]:
    """The cases that were measured, sorted; numbers in their names count as numbers."""
    return dict(sorted(by_case(measures).items(), key=lambda item: _natural(item[0])))


def build(moment: Moment, target: Target, width: int) -> Page:
    """The cases of generation `target.first`, and where its parent stood."""
    n = int(target.first)
    title = f"cases of generation {n}"
    found = of_generation(moment, n)
    if not found:
        return Page(title, [row(("no cases were measured of this generation at this event", "dim"))])
    parent = moment.parent(n)
    before = of_generation(moment, parent) if parent else {}
    columns = sorted({name for one in found.values() for name in one}, key=_rank)
    rows = [heading("means over the instances of val"), *_table(found, before, columns, width)]
    rows += [BLANK, row(("its answer" + (f" beside that of candidate {parent}" if parent else ""), "accent"),
                        to=Target("answers", parent or 0, n))]  # fmt: skip
    if parent:
        rows.append(row(("difference of the two harnesses", "accent"), to=Target("diff", parent, n)))
        rows.append(row((f"cases of generation {parent}", "accent"), to=Target("cases", parent)))
    return Page(title, rows)


def of_generation(moment: Moment, n: int) -> Mapping[str, Mapping[str, float]]:
    """What an Execution measured, as a table; empty where it measured no cases."""
    state = moment.state
    if not 1 <= n <= len(state.generations):
        return {}
    done = state.of(n).execution
    if done is None or done.private is None:
        return {}
    return table((name, score.score) for name, score in done.private.measures.items())


def _table(
    found: Mapping[str, Mapping[str, float]], before: Mapping[str, Mapping[str, float]], columns: list[str], width: int
) -> list[Row]:
    """A line a case; one under the other where the columns do not fit."""
    room = max(len(case) for case in found)
    names = [_SHORT.get(name, name) for name in columns]
    wide = [max(9, len(name)) for name in names]
    against = columns[0] if before else ""
    head = "".join(f"  {name:>{size}}" for name, size in zip(names, wide, strict=True))
    head += f"  {'before':>9}" if against else ""
    if room + len(head) > width:
        rows: list[Row] = []
        for case, values in found.items():
            rows += [BLANK, *prose(case, width, "strong")]
            rows += [line for name in columns for line in prose(f"  {name} {_number(values.get(name))}", width)]
        return rows
    rows = [BLANK, row((f"{'case':<{room}}{head}", "dim"))]
    for case, values in found.items():
        cells = "".join(f"  {_number(values.get(name)):>{size}}" for name, size in zip(columns, wide, strict=True))
        former = f"  {_number(before.get(case, {}).get(against)):>9}" if against else ""
        rows.append(row((f"{case:<{room}}", "strong"), cells, (former, "dim")))
    return rows


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def _rank(name: str) -> tuple[int, str]:
    return (_FIRST.index(name) if name in _FIRST else len(_FIRST), name)


def _natural(text: str) -> list[tuple[int, str]]:
    """Sorts `(64, …)` before `(128, …)`."""
    return [(int(part), "") if part.isdecimal() else (0, part) for part in re.split(r"(\d+)", text)]
