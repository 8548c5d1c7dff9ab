"""What a search within a page finds: rows by number, and the places in a row that are drawn as matches."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from sia_tui.app.rows.row import Row, Span


def matching(rows: Sequence[Row], sought: str) -> list[int]:
    """The numbers of the rows that contain `sought`, in any case; of a phrase that folding parted, the first row."""
    pattern = _pattern(sought)
    return [index for index, one in enumerate(rows) if pattern.search(one.text) or _parted(rows, index, pattern)]


def _parted(rows: Sequence[Row], index: int, pattern: re.Pattern[str]) -> bool:
    """Whether a match begins in this row and ends in the next one of the same folded line."""
    if index + 1 >= len(rows) or not rows[index].copy or rows[index].copy != rows[index + 1].copy:
        return False
    this, following = rows[index].text.rstrip(), rows[index + 1].text.lstrip()
    joined = (f"{this}{between}{following}" for between in (" ", ""))
    return not pattern.search(following) and any(pattern.search(one) for one in joined)


def marked(spans: Sequence[Span], sought: str) -> Sequence[Span]:
    """`spans` with the tone `match` wherever they contain `sought`, also across spans."""
    places = [one.span() for one in _pattern(sought).finditer("".join(text for text, _ in spans))]
    parts: list[Span] = []
    at = 0
    for text, tone in spans:
        within = {edge - at for place in places for edge in place if 0 < edge - at < len(text)}
        for start, end in pairwise(sorted({0, len(text), *within})):
            found = any(first <= at + start < last for first, last in places)
            parts.append((text[start:end], "match" if found else tone))
        at += len(text)
    return parts


def _pattern(sought: str) -> re.Pattern[str]:
    return re.compile(re.escape(sought), re.IGNORECASE)
