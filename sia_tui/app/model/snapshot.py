"""A run at an event, as every pane sees it: a function of the log up to that event and of nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from engine.core.state import State
from engine.events import types as t
from engine.events.event import Event
from engine.events.reader import Reader
from engine.queries.snapshot import Outline

_TITLES = {"execute": "Execution", "analyse": "Analysis", "improve": "Improvement", "test": "Sealed test"}


class Phase(NamedTuple):
    """A stretch of a run's events, `first` to `last`, under one heading."""

    title: str
    generation: int
    first: int
    last: int


class Moment(NamedTuple):
    """`n` is the last event that is seen."""

    reader: Reader
    outline: Outline
    n: int

    @property
    def run(self) -> str:
        """The run's id."""
        return self.outline.run

    @property
    def state(self) -> State:
        """What the run is at this event."""
        return self.outline.at(self.n)

    def seen(self) -> list[Event]:
        """The milestones so far."""
        return self.outline.milestones[: self.outline.index(self.n) + 1]

    def last_of(self, kind: str, generation: int) -> Event | None:
        """The last milestone of a type in a generation, if there was one."""
        for event in reversed(self.seen()):
            if event.type == kind and event.generation == generation:
                return event
        return None

    def phases(self, generation: int | None = None) -> list[Phase]:
        """The run so far in Execution, Analysis and Improvement; of one generation where it is named."""
        found: list[Phase] = []
        title, at, first = "Start", 0, 1
        for event in self.seen():
            begins = _begins(event)
            if begins is None or (begins, event.generation) == (title, at):
                continue
            if event.n > first:
                found.append(Phase(title, at, first, event.n - 1))
            title, at, first = begins, event.generation, event.n
        if self.n >= first:
            found.append(Phase(title, at, first, self.n))
        return [phase for phase in found if generation in (None, phase.generation)]

    def generation_at(self, n: int) -> int:
        """The generation in which event `n` lies; 0 before the first."""
        index = self.outline.index(n)
        return self.outline.milestones[index].generation if index >= 0 else 0

    def parent(self, n: int) -> int | None:
        """The candidate from whose harness candidate `n` was made."""
        versions = self.state.versions
        if n not in versions or not versions[n].parents:
            return None
        numbers = {version.commit: number for number, version in versions.items()}
        return numbers.get(versions[n].parents[0])

    def results(self, instance: str) -> Iterator[tuple[Event, t.InstanceFinished]]:
        """All that an instance has met so far, in order."""
        for event in self.reader.results_of(self.run, instance, until=self.n):
            payload = event.payload
            if isinstance(payload, t.InstanceFinished):
                yield event, payload


def _begins(event: Event) -> str | None:
    """The heading under which an event and those after it stand; None where it goes on as before."""
    match event.type:
        case t.GenerationStarted.type:
            return _TITLES["execute"]
        case t.StepStarted.type:
            payload = event.payload
            return _TITLES.get(payload.kind) if isinstance(payload, t.StepStarted) else None
        case t.RunForked.type:
            return "Fork"
        case _:
            return None
