"""What a screen shows, as data: rows of spans with a tone, each row maybe leading somewhere.

Nothing here is markup. A span's text may come from a model or a harness; it is made harmless in one place, where it
is drawn (`Lines`), so that no page can forget to.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from rich.cells import cell_len, chop_cells

Tone = Literal[
    "", "dim", "title", "strong", "good", "bad", "warn", "accent", "add", "del", "hunk", "code", "chart", "chart2"
]
Span = tuple[str, Tone]
LONGEST = 4_000
"""No more characters of one line are drawn; a longer one says how long it is."""


class Target(NamedTuple):
    """What a row, a key or the palette leads to: a kind of page and what it is about."""

    kind: str
    first: int | str = 0
    second: int | str = 0


class Row(NamedTuple):
    """One line. `copy` is what `y` copies where that is not the line itself."""

    spans: tuple[Span, ...] = ()
    target: Target | None = None
    copy: str = ""

    @property
    def text(self) -> str:
        """The line without tones."""
        return "".join(text for text, _ in self.spans)


class Page(NamedTuple):
    """Rows with a heading; `cursor` is where reading begins."""

    title: str
    rows: Sequence[Row]
    cursor: int = 0


BLANK = Row()


def row(*spans: str | Span, to: Target | None = None, copy: str = "") -> Row:
    """A row from texts and (text, tone) pairs."""
    return Row(tuple((span, "") if isinstance(span, str) else span for span in spans), to, copy)


def heading(text: str, note: str = "") -> Row:
    """A title within a page."""
    return row((text, "title"), (f"  {note}" if note else "", "dim"))


def fact(name: str, *value: str | Span, to: Target | None = None) -> Row:
    """A name and its value."""
    return row((f"{name:<14} ", "dim"), *value, to=to)


def prose(text: str, width: int, tone: Tone = "", *, limit: int = 400) -> list[Row]:
    """`text` folded to `width` cells, its own lines kept; no more than `limit` rows, and a note where it goes on."""
    found: list[Row] = []
    room = max(8, width)
    for line in text.split("\n"):
        if len(found) >= limit:
            break
        if len(line) > LONGEST:
            line = f"{line[:LONGEST]}… ({len(line):,} characters)"  # noqa: PLW2901
        found += [row((part, tone), copy=line) for part in _folded(line, room)]
    if len(found) > limit or len(text) > sum(len(one.text) + 1 for one in found) + LONGEST:
        found = [*found[:limit], row((f"… {len(text):,} characters in all; y copies what is shown", "dim"))]
    return found


def _folded(line: str, width: int) -> Iterable[str]:
    """`line` in pieces of at most `width` cells, between words where there are any."""
    if cell_len(line) <= width:
        return [line]
    pieces: list[str] = []
    now = ""
    for word in line.split(" "):
        joined = f"{now} {word}" if now else word
        if cell_len(joined) <= width:
            now = joined
            continue
        if now:
            pieces.append(now)
        *whole, now = chop_cells(word, width) or [""]
        pieces += whole
    return [*pieces, now]


def score(value: float, se: float | None = None) -> str:
    """A score with its error bar."""
    return f"{value:.4f}" if se is None else f"{value:.4f} ± {se:.4f}"


def seconds(value: float) -> str:
    """A duration in the unit that suits it."""
    if value < 1:
        return f"{value * 1000:.0f} ms"
    if value < 60:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} m" if hours else f"{minutes} m {rest:02} s"
