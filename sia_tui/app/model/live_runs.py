"""The roll of runs: which have an engine at this moment, and which of them came to their end."""

from __future__ import annotations

import time
from collections.abc import Iterable

from sia_tui.app.model.sources import Source

EVERY_S = 1.0


class Roll:
    """`statuses` of the runs whose log says that they run, by id."""

    def __init__(self) -> None:
        self.statuses: dict[str, str] = {}
        self._called_at = 0.0
        self._ended: list[tuple[str, str]] = []

    def call(self, sources: Iterable[Source], *, force: bool = False) -> None:
        """Looks, at most once a second, whether each run is still worked on."""
        now = time.monotonic()
        if not force and now - self._called_at < EVERY_S:
            return
        self._called_at = now
        for source in sources:
            for run in source.reader.runs():
                before = self.statuses.get(run.run)
                if run.status != "running" and before is None:
                    continue
                after = self.statuses[run.run] = source.status(run)
                if before == "running" and after != "running":
                    self._ended.append((run.name, after))

    def ended(self) -> list[tuple[str, str]]:
        """(name, status) of the runs that have come to rest since the last call."""
        found, self._ended = self._ended, []
        return found
