"""Rows, spans, targets and pages: the text of the screen as data.

Nothing here is markup. A span's text may come from a model or a harness; `Lines` sanitizes it where it draws it, so
that no page can forget to.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

Tone = Literal[
    "", "dim", "title", "strong", "good", "bad", "warn", "accent", "add", "del", "hunk", "code", "chart", "chart2",
    "keyword", "string", "number", "comment", "name", "match",
]  # fmt: skip
Span = tuple[str, Tone]


class Target(NamedTuple):
    """What a row opens: a kind of page, and the one or two things that the page is about.

    In the lineage `second` is the label of the log, and `first` the id of a run or of a generation node.
    """

    kind: str
    first: int | str = 0
    second: int | str = 0


class Row(NamedTuple):
    """One line. `copy` is what `y` copies in place of the line itself."""

    spans: tuple[Span, ...] = ()
    target: Target | None = None
    copy: str = ""

    @property
    def text(self) -> str:
        """The line without tones."""
        return "".join(text for text, _ in self.spans)


class Page(NamedTuple):
    """Rows under a title. The cursor starts at `cursor_row`; the first `pinned` rows stay where one scrolls."""

    title: str
    rows: Sequence[Row]
    cursor_row: int = 0
    pinned: int = 0


BLANK = Row()


def row(*spans: str | Span, to: Target | None = None, copy: str = "") -> Row:
    """A row of texts and (text, tone) pairs."""
    return Row(tuple((span, "") if isinstance(span, str) else span for span in spans), to, copy)


def heading(text: str, note: str = "") -> Row:
    """A title within a page."""
    return row((text, "title"), (f"  {note}" if note else "", "dim"))


def field(name: str, *value: str | Span, to: Target | None = None, copy: str = "") -> Row:
    """A name and its value, the values of a page in one column. `y` copies the value without the name, or `copy`."""
    bare = "".join(span if isinstance(span, str) else span[0] for span in value)
    return row((f"{name:<14} ", "dim"), *value, to=to, copy=copy or bare.strip())


def empty_page(title: str, reason: str) -> Page:
    """A page that has nothing to show, and why."""
    return Page(title, [row((reason, "dim"))])
