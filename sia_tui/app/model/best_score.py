"""The score of a run's best candidate, also where a branch or a fork has accepted none of its own yet."""

from __future__ import annotations

from msgspec.structs import replace

from engine.events import types as t
from engine.events.reader import Reader, RunRow


class BestScores:
    """The best scores of the runs of a log. What a run began with never changes, and is read once."""

    def __init__(self) -> None:
        self._began_with: dict[str, float | None] = {}

    def runs(self, reader: Reader) -> list[RunRow]:
        """All runs, oldest first; `best` is of the candidate that a run accepted last, else of that it began with."""
        return [self._with_best(reader, run) for run in reader.runs()]

    def _with_best(self, reader: Reader, run: RunRow) -> RunRow:
        if run.best is not None or run.parent is None:
            return run
        if run.run not in self._began_with:
            self._began_with[run.run] = _began_with(reader, run)
        return replace(run, best=self._began_with[run.run])


def _began_with(reader: Reader, run: RunRow) -> float | None:
    *inherited, _ = reader.segments(run.run)
    parts = [(part, until or 0) for part, until in reversed(inherited)]
    for part, until in parts:
        for event in reversed(reader.of_type_in(part, t.GateDecided.type, after=0, until=until)):
            if isinstance(event.payload, t.GateDecided) and event.payload.accepted:
                rows = (row for older, _ in parts for row in reader.generations_of(older))
                return next((row.val for row in rows if row.generation == event.generation), None)
    return None
