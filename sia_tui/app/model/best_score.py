"""The score of a run's best candidate, also where a branch or a fork has accepted none of its own yet."""

from __future__ import annotations

from typing import NamedTuple

from msgspec.structs import replace

from engine.events import types as t
from engine.events.reader import Reader, RunRow
from engine.queries import score_course


class Best(NamedTuple):
    """The score on `val` of a best candidate, and its honest score where the private check measured one."""

    val: float | None = None
    honest: float | None = None


class BestScores:
    """The best scores of the runs of a log. What a run began with never changes, and is read once."""

    def __init__(self) -> None:
        self._began_with: dict[str, Best] = {}

    def runs(self, reader: Reader) -> list[RunRow]:
        """All runs, oldest first; `best` is of the candidate that a run accepted last, else of that it began with."""
        return [self._with_best(reader, run) for run in reader.runs()]

    def honest_of_begin(self, run: str) -> float | None:
        """The honest score of the candidate that a run began with, where `runs` has given that one's score."""
        return self._began_with.get(run, Best()).honest

    def _with_best(self, reader: Reader, run: RunRow) -> RunRow:
        if run.best is not None or run.parent is None:
            return run
        if run.run not in self._began_with:
            self._began_with[run.run] = _began_with(reader, run)
        return replace(run, best=self._began_with[run.run].val)


def _began_with(reader: Reader, run: RunRow) -> Best:
    *inherited, _ = reader.segments(run.run)
    parts = [(part, until or 0) for part, until in reversed(inherited)]
    for part, until in parts:
        for event in reversed(reader.of_type_in(part, t.GateDecided.type, after=0, until=until)):
            if isinstance(event.payload, t.GateDecided) and event.payload.accepted:
                return next((found for one in parts if (found := _scores(reader, *one, event.generation))), Best())
    return Best()


def _scores(reader: Reader, part: str, until: int, generation: int) -> Best | None:
    """The scores of a generation, where it is stored under `part`."""
    row = next((one for one in reader.generations_of(part) if one.generation == generation), None)
    if row is None:
        return None
    ends = reader.of_type_in(part, t.ExecutionFinished.type, after=0, until=until)
    done = next((one.payload for one in reversed(ends) if one.generation == generation), None)
    honest = score_course.honest(done.private) if isinstance(done, t.ExecutionFinished) else None
    return Best(row.val, honest.score if honest else None)
