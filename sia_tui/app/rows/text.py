"""Text from models, harnesses and logs: made safe to draw, and folded to a width in cells."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.cells import cell_len, chop_cells

from sia_tui.app.rows.row import Row, Span, Tone, row
from sia_tui.cli.formats import plural
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
    """`text` folded to `width` cells, its line breaks and its indentation kept; at most `limit` rows.

    Each row copies its whole line. If there is more, a last row says so, and copies all of `text`.
    """
    return fold_lines(([(line, tone)] for line in text.split("\n")), text, width, limit)


def fold_lines(lines: Iterable[Sequence[Span]], text: str, width: int, limit: int) -> list[Row]:
    """The `lines` of `text`, each as its spans, folded as by `wrap`."""
    rows: list[Row] = []
    for line in lines:
        if len(rows) >= limit:
            break
        rows += fold(line, width)
    else:
        if len(rows) <= limit:
            return rows
    return [*rows[:limit], row((f"… {plural(len(text), 'character')} in all; y here copies them", "dim"), copy=text)]


def fold(line: Sequence[Span], width: int) -> list[Row]:
    """The spans of one line in rows of at most `width` cells; what is folded stands below where the line begins."""
    whole = "".join(text for text, _ in line)
    spans = [(sanitize(text), tone) for text, tone in _head(line)]
    shown = "".join(text for text, _ in spans)
    indent, parts = _parts(shown, max(8, width))
    rows: list[Row] = []
    for start, end in parts:
        (text, tone), *rest = _between(spans, start, end) or [("", "")]
        rows.append(row((" " * indent + text, tone), *rest, copy=whole))
    return rows


def plain_text(rows: Iterable[Row]) -> str:
    """Rows as lines of a text that is safe to show."""
    return "".join(f"{sanitize(one.text).rstrip()}\n" for one in rows)


def _head(line: Sequence[Span]) -> list[Span]:
    """The spans of a line that are drawn; of a long line the beginning, and how long it is."""
    length = sum(len(text) for text, _ in line)
    cut = _between(line, 0, MAX_LINE)
    return cut if length <= MAX_LINE else [*cut, (f"… ({plural(length, 'character')})", "dim")]


def _between(spans: Iterable[Span], start: int, end: int) -> list[Span]:
    """What lies between two places of the text of `spans`."""
    found: list[Span] = []
    at = 0
    for text, tone in spans:
        if part := text[max(0, start - at) : max(0, end - at)]:
            found.append((part, tone))
        at += len(text)
    return found


def _parts(line: str, width: int) -> tuple[int, list[tuple[int, int]]]:
    """The indentation of the rows of `line`, and where each begins and ends, between words where there are any."""
    if cell_len(line) <= width:
        return 0, [(0, len(line))]
    at = len(line) - len(line.lstrip(" "))
    indent = min(at, width // 2)
    room = width - indent
    parts: list[tuple[int, int]] = []
    while at < len(line):
        end = at + len(chop_cells(line[at : at + room], room)[0])
        if end < len(line) and line[end] != " " and (blank := line.rfind(" ", at, end)) > at:
            end = blank
        parts.append((at, end))
        at = end
        while line[at : at + 1] == " ":
            at += 1
    return indent, parts or [(0, 0)]


def _cut(line: str) -> str:
    return line if len(line) <= MAX_LINE else f"{line[:MAX_LINE]}… ({plural(len(line), 'character')})"
