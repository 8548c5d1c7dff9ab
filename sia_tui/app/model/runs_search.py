"""A search over runs: the events of each that pass a filter, with the line in which the text stands."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from engine.events import types as t
from engine.events.event import Event
from engine.events.reader import Reader, RunRow
from sia_tui.app.model.contents import Contents, excerpt
from sia_tui.app.model.event_filter import EventFilter, parse_filter
from sia_tui.app.model.event_search import CHUNK, CONTENTS_CHUNK


class FoundEvent(NamedTuple):
    """An event that passes, and the `line` in which it contains `text`; both are empty where no text is sought.

    `field` of its payload names the log, prompt or reply that has the line; it is empty where the event itself has it.
    """

    event: Event
    text: str = ""
    field: str = ""
    line: str = ""


class FoundInRun:
    """What was found in a run so far: `count` events, and the first of them."""

    def __init__(self, run: RunRow) -> None:
        self.run = run
        self.count = 0
        self.events: list[FoundEvent] = []

    @property
    def more(self) -> int:
        """How many of them are only counted."""
        return self.count - len(self.events)


def search_runs(
    reader: Reader,
    runs: Iterable[RunRow],
    text: str,
    most: int,
    *,
    inherited: bool = False,
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[FoundInRun]:
    """Searches one run after the other, and yields what it has found in a run after each part of it.

    At most `most` events of a run are read, the others are counted. What a run shares with its parent is searched
    where `inherited` says so, and else found in the parent. Raises `SiaError` where the filter `text` cannot be read.
    """
    contents = Contents(reader, [content.text for content in parse_filter(text).contents])
    for run in runs:
        found = FoundInRun(run)
        verdicts = (event for event in reader.outline(run.run) if event.type == t.GateDecided.type)
        event_filter = parse_filter(text, verdicts)
        searched = 0 if inherited else run.parent_n or 0
        while searched < run.head_n and not cancelled():
            until = min(searched + (CONTENTS_CHUNK if event_filter.contents else CHUNK), run.head_n)
            passing = contents.matching(run.run, event_filter, after=searched, until=until)
            for n in passing[: most - len(found.events)]:
                found.events.append(_found(reader.event(run.run, n), event_filter, contents))
            found.count += len(passing)
            searched = until
            yield found


def _found(event: Event, event_filter: EventFilter, contents: Contents) -> FoundEvent:
    """The event with the first line that contains a text of the filter."""
    own = event.stored.decode("utf-8", "replace")
    for index, content in enumerate(event_filter.contents):
        for field in content.fields:
            name = getattr(event.payload, field, None)
            if isinstance(name, str) and name and (line := contents.lines(name)[index]) is not None:
                return FoundEvent(event, content.text, field, line)
        if (line := excerpt(own, content.text)) is not None:
            return FoundEvent(event, content.text, "", line)
    return FoundEvent(event)
