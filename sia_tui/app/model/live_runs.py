"""Which runs have a live engine, which wait for a person, and what has just changed of that."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import NamedTuple

from engine.events.reader import RunRow
from sia_tui.app.model.sources import Source

POLL_S = 1.0


class Waiting(NamedTuple):
    """A run that waits for a person."""

    label: str
    run: str
    name: str


class LiveRuns:
    """`statuses` by run id, of the runs whose log says `running`, or said so in an earlier poll; who is `waiting`."""

    def __init__(self) -> None:
        self.statuses: dict[str, str] = {}
        self.waiting: list[Waiting] = []
        self._polled_at = 0.0
        self._ended: list[tuple[str, str]] = []
        self._asked: list[Waiting] = []

    def poll(self, sources: Iterable[Source], *, force: bool = False) -> None:
        """Checks each run's engine, at most once in `POLL_S` seconds unless forced."""
        now = time.monotonic()
        if not force and now - self._polled_at < POLL_S:
            return
        self._polled_at = now
        waiting: list[Waiting] = []
        for source in sources:
            for run in source.runs():
                before = self.statuses.get(run.run)
                if run.status != "running" and before is None:
                    continue
                after = self.statuses[run.run] = source.status(run)
                if before == "running" and after not in ("running", "starting"):
                    self._ended.append((run.name, after))
                if not source.sealed and self._waits(source, run):
                    waiting.append(Waiting(source.label, run.run, run.name))
        self._asked += [one for one in waiting if one not in self.waiting]
        self.waiting = waiting

    def _waits(self, source: Source, run: RunRow) -> bool:
        from engine.queries.progress.waiting import waits_for_a_person

        return run.status == "running" and waits_for_a_person(source.reader, run.run)

    def take_asked(self) -> list[Waiting]:
        """The runs that have begun to wait for a person since the last call."""
        asked, self._asked = self._asked, []
        return asked

    def take_ended(self) -> list[tuple[str, str]]:
        """(name, status) of the runs that have stopped since the last call."""
        ended, self._ended = self._ended, []
        return ended
