"""Which runs have a live engine, and which of them have just stopped."""

from __future__ import annotations

import time
from collections.abc import Iterable

from sia_tui.app.model.sources import Source

POLL_S = 1.0


class LiveRuns:
    """`statuses` by run id, of the runs whose log says `running`, or said so in an earlier poll."""

    def __init__(self) -> None:
        self.statuses: dict[str, str] = {}
        self._polled_at = 0.0
        self._ended: list[tuple[str, str]] = []

    def poll(self, sources: Iterable[Source], *, force: bool = False) -> None:
        """Checks each run's engine, at most once in `POLL_S` seconds unless forced."""
        now = time.monotonic()
        if not force and now - self._polled_at < POLL_S:
            return
        self._polled_at = now
        for source in sources:
            for run in source.reader.runs():
                before = self.statuses.get(run.run)
                if run.status != "running" and before is None:
                    continue
                after = self.statuses[run.run] = source.status(run)
                if before == "running" and after != "running":
                    self._ended.append((run.name, after))

    def take_ended(self) -> list[tuple[str, str]]:
        """(name, status) of the runs that have stopped since the last call."""
        ended, self._ended = self._ended, []
        return ended
