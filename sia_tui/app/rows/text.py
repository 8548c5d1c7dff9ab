"""Text from models, harnesses and logs: made safe to draw, and wrapped to a width in cells."""

from __future__ import annotations

from collections.abc import Iterable

from rich.cells import cell_len, chop_cells

from sia_tui.app.rows.row import Row, Tone, row
from sia_tui.cli.output import plain

MAX_LINE = 4_000
"""Characters of one line that are drawn; a longer line is cut, and says how long it is."""


def sanitize(text: str) -> str:
    """`text` as one line that is safe to draw: control codes and line breaks are visible characters."""
    text = _cut(text)
    return text if text.isprintable() else plain(text).replace("\n", "⏎").replace("\t", "    ")


def escape_markup(text: str) -> str:
    """`text` as one line for the few places where Textual accepts markup only."""
    return sanitize(text).replace("[", r"\[")


def wrap(text: str, width: int, tone: Tone = "", *, limit: int = 400) -> list[Row]:
    """`text` wrapped to `width` cells, its line breaks kept; at most `limit` rows, and a note if there is more."""
    rows: list[Row] = []
    room = max(8, width)
    for line in text.split("\n"):
        if len(rows) >= limit:
            break
        cut = _cut(line)
        rows += [row((part, tone), copy=cut) for part in _wrap_line(cut, room)]
    if len(rows) > limit or len(text) > sum(len(one.text) + 1 for one in rows) + MAX_LINE:
        note = f"… {len(text):,} characters in all; y copies what is shown"
        rows = [*rows[:limit], row((note, "dim"))]
    return rows


def _cut(line: str) -> str:
    return line if len(line) <= MAX_LINE else f"{line[:MAX_LINE]}… ({len(line):,} characters)"


def _wrap_line(line: str, width: int) -> Iterable[str]:
    """`line` in parts of at most `width` cells, broken between words where there are any."""
    if cell_len(line) <= width:
        return [line]
    parts: list[str] = []
    current = ""
    for word in line.split(" "):
        joined = f"{current} {word}" if current else word
        if cell_len(joined) <= width:
            current = joined
            continue
        if current:
            parts.append(current)
        *full, current = chop_cells(word, width) or [""]
        parts += full
    return [*parts, current]
