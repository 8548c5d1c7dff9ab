"""A unified diff as rows: in two columns where there is room for them, else in one."""

from __future__ import annotations

import itertools

from rich.cells import set_cell_size

from sia_tui.app.rows.row import BLANK, Row, Tone, heading, row
from sia_tui.app.rows.text import wrap

MIN_TWO_COLUMNS = 100
"""Cells from which a diff has two columns."""
_HEADERS = ("--- ", "+++ ", "index ", "new file", "deleted file")
_FILE = "diff --git "


def diff_rows(diff: str, width: int) -> list[Row]:
    """A unified diff, as git prints it, in `width` cells; nothing where nothing differs."""
    lines = diff.split("\n") if diff else []
    return _two_columns(lines, width) if width >= MIN_TWO_COLUMNS else _one_column(lines, width)


def _one_column(lines: list[str], width: int) -> list[Row]:
    rows: list[Row] = []
    for line in lines:
        if line.startswith(_FILE):
            rows += _file_heading(line, first=not rows)
        elif not line.startswith(_HEADERS):
            rows += _folded(line, width)
    return rows


def _folded(line: str, width: int) -> list[Row]:
    """A line in rows: its mark stands before the first, and the others below its text."""
    if line.startswith("@"):
        return wrap(line, width, "hunk")
    tone, copy = _tone(line), line[1:]
    first, *rest = wrap(line[1:], width - 1, tone)
    marked = [first._replace(spans=((line[:1], tone), *first.spans)), *(row(" ", *one.spans) for one in rest)]
    return [one._replace(copy=copy) for one in marked]


def _tone(line: str) -> Tone:
    tones: dict[str, Tone] = {"+": "add", "-": "del"}
    return tones.get(line[:1], "code")


def _two_columns(lines: list[str], width: int) -> list[Row]:
    rows: list[Row] = []
    half = (width - 3) // 2
    removed: list[str] = []
    added: list[str] = []

    def flush() -> None:
        for before, after in itertools.zip_longest(removed, added):
            rows.extend(_pair(before, after, half))
        removed.clear()
        added.clear()

    for line in lines:
        if line.startswith(_FILE):
            flush()
            rows += _file_heading(line, first=not rows)
        elif line.startswith(_HEADERS):
            continue
        elif line.startswith("-"):
            removed.append(line[1:])
        elif line.startswith("+"):
            added.append(line[1:])
        else:
            flush()
            if line.startswith("@@"):
                rows.append(row((line, "hunk")))
            else:
                rows += _pair(line[1:], line[1:], half, changed=False)
    flush()
    return rows


def _file_heading(line: str, *, first: bool) -> list[Row]:
    return [*([] if first else [BLANK]), heading(line.partition(" b/")[2])]


def _pair(before: str | None, after: str | None, half: int, *, changed: bool = True) -> list[Row]:
    columns = [[one.text for one in wrap(text, half)] if text is not None else [] for text in (before, after)]
    tones: tuple[Tone, Tone] = ("del", "add") if changed else ("code", "code")
    copy = after if after is not None else before or ""
    return [
        row((set_cell_size(left or "", half), tones[0]), (" │ ", "dim"), (right or "", tones[1]), copy=copy)
        for left, right in itertools.zip_longest(*columns)
    ]
