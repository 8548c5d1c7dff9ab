"""A table of cases, where a grade measures several: the time, ratio and spread of each, and any other measure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from engine.grading.cases import table
from sia_tui.app.model.snapshot import RunSnapshot
from sia_tui.app.rows.row import BLANK, Page, Row, Target, empty_page, heading, row
from sia_tui.app.rows.text import wrap

_COLUMNS = ("ms", "ratio", "spread", "share of the roofline")
_COLUMN_TITLES = {"share of the roofline": "roofline"}
_MIN_COLUMN = 9

Cases = Mapping[str, Mapping[str, float]]
"""Measures by column, by case."""


def case_table(measures: Iterable[tuple[str, float]]) -> dict[str, dict[str, float]]:
    """The cases among `measures`, sorted; numbers in their names sort as numbers."""
    return dict(sorted(table(measures).items(), key=lambda item: _natural_order(item[0])))


def build(snapshot: RunSnapshot, target: Target, width: int) -> Page:
    """The cases of generation `target.first`, with its parent's first column beside them."""
    n = int(target.first)
    title = f"cases of generation {n}"
    cases = _cases_of(snapshot, n)
    if not cases:
        return empty_page(title, f"generation {n} has no cases at this event")
    parent = snapshot.parent_of(n)
    rows = [
        heading("means over the instances of val"),
        *_rows(cases, _cases_of(snapshot, parent) if parent else {}, width),
        BLANK,
        row(
            ("its answer" + (f" beside that of candidate {parent}" if parent else ""), "accent"),
            to=Target("answers", parent or 0, n),
        ),
    ]
    if parent:
        rows.append(row(("difference of the harnesses", "accent"), to=Target("diff", parent, n)))
        rows.append(row((f"cases of generation {parent}", "accent"), to=Target("cases", parent)))
    return Page(title, rows)


def _cases_of(snapshot: RunSnapshot, n: int) -> Cases:
    """The cases that an Execution measured; empty where it measured none."""
    state = snapshot.state
    execution = state.of(n).execution if 1 <= n <= len(state.generations) else None
    if execution is None or execution.private is None:
        return {}
    return case_table((name, score.score) for name, score in execution.private.measures.items())


def _rows(cases: Cases, parent: Cases, width: int) -> list[Row]:
    """A row for each case; where the columns do not fit, a row for each measure."""
    columns = sorted({name for case in cases.values() for name in case}, key=_column_order)
    titles = [_COLUMN_TITLES.get(name, name) for name in columns]
    widths = [max(_MIN_COLUMN, len(title)) for title in titles]
    room = max(len(case) for case in cases)
    header = "".join(f"  {title:>{size}}" for title, size in zip(titles, widths, strict=True))
    header += f"  {'before':>{_MIN_COLUMN}}" if parent else ""
    if room + len(header) > width:
        return _narrow_rows(cases, columns, width)
    rows: list[Row] = [BLANK, row((f"{'case':<{room}}{header}", "dim"))]
    for case, values in cases.items():
        cells = "".join(f"  {_number(values.get(name)):>{size}}" for name, size in zip(columns, widths, strict=True))
        before = f"  {_number(parent.get(case, {}).get(columns[0])):>{_MIN_COLUMN}}" if parent else ""
        rows.append(row((f"{case:<{room}}", "strong"), cells, (before, "dim")))
    return rows


def _narrow_rows(cases: Cases, columns: list[str], width: int) -> list[Row]:
    rows: list[Row] = []
    for case, values in cases.items():
        rows += [BLANK, *wrap(case, width, "strong")]
        rows += [line for name in columns for line in wrap(f"  {name} {_number(values.get(name))}", width)]
    return rows


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def _column_order(name: str) -> tuple[int, str]:
    return (_COLUMNS.index(name) if name in _COLUMNS else len(_COLUMNS), name)


def _natural_order(text: str) -> list[tuple[int, str]]:
    """A key that sorts `(64, …)` before `(128, …)`."""
    return [(int(part), "") if part.isdecimal() else (0, part) for part in re.split(r"(\d+)", text)]
