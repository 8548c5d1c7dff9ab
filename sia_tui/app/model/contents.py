"""Where texts stand in the logs, prompts and replies that events name: each is read once, however many name it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache

from engine.errors import SiaError
from engine.events.named_blobs import named_blobs
from engine.events.reader import Reader
from engine.events.types import BLOB
from sia_tui.app.model.event_filter import EventFilter

EXCERPT, _BEFORE = 160, 40
"""Characters of a line that are kept, and how many of them stand before the text."""
_KNOWN = 65_536
"""Blobs of which it is kept whether they contain what is sought: many events name the same, also of several runs."""


class Contents:
    """The blobs of a log, searched for `texts`, which are in small letters."""

    def __init__(self, reader: Reader, texts: Sequence[str]) -> None:
        self._reader = reader
        self._texts = texts
        self.lines = lru_cache(_KNOWN)(self._read)
        """Of a blob's name: for each text the line in which it stands first, shortened; None where it is not there."""

    def matching(self, run_id: str, event_filter: EventFilter, *, after: int, until: int) -> list[int]:
        """The numbers of a run's events with `after < n <= until` that pass the filter, whose texts these are."""
        sought = event_filter.contents
        fields = sorted({field for content in sought for field in content.fields})
        names = named_blobs(self._reader, run_id, fields, after=after, until=until) if sought else ()
        found = [[name for name in names if self.lines(name)[index] is not None] for index in range(len(sought))]
        parameters = event_filter.with_found(found)
        return self._reader.matching(run_id, event_filter.condition, parameters, after=after, until=until)

    def _read(self, name: str) -> tuple[str | None, ...]:
        """One that is missing contains nothing."""
        try:
            content = self._reader.blob(name.removeprefix(BLOB)).decode("utf-8", "replace")
        except SiaError:
            content = ""
        return tuple(excerpt(content, text) for text in self._texts)


def excerpt(content: str, text: str) -> str | None:
    """The line in which `text` stands first, as it is or as JSON writes it; None where it does not."""
    small = content.lower()
    written = json.dumps(text, ensure_ascii=False)[1:-1]
    at = small.find(text)
    if at < 0 and (at := small.find(written)) < 0:
        return None
    if len(small) != len(content):  # a letter that is two small ones
        content = small
    breaks = ("\n", "\\n")  # JSON is one line, and names the line breaks of its texts
    first = max(at - _BEFORE, 0, *(place + len(one) for one in breaks if (place := content.rfind(one, 0, at)) >= 0))
    whole = first + EXCERPT
    last = min(len(content), whole, *(place for one in breaks if (place := content.find(one, at, whole)) >= 0))
    cut_before = first == at - _BEFORE and first > 0
    cut_after = last == whole and last < len(content)
    return f"{'…' * cut_before}{content[first:last].strip()}{'…' * cut_after}"
