"""A run as it was at one event: a function of the log up to that event, and of nothing else."""

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


class RunSnapshot(NamedTuple):
    """`n` is the number of the last event that is included."""

    reader: Reader
    outline: Outline
    n: int

    @property
    def run_id(self) -> str:
        """The run's id."""
        return self.outline.run

    @property
    def state(self) -> State:
        """The run's state after event `n`."""
        return self.outline.at(self.n)

    def milestones(self) -> list[Event]:
        """All events up to `n` except the results of instances."""
        return self.outline.milestones[: self.outline.index(self.n) + 1]

    def last_milestone(self, event_type: str, generation: int) -> Event | None:
        """The last milestone of that type in a generation, if there was one."""
        for event in reversed(self.milestones()):
            if event.type == event_type and event.generation == generation:
                return event
        return None

    def phases(self, generation: int | None = None) -> list[Phase]:
        """The events up to `n` by Execution, Analysis and Improvement, of all generations or of one."""
        phases: list[Phase] = []
        title, number, first = "Start", 0, 1
        for event in self.milestones():
            next_title = _phase_title(event)
            if next_title is None or (next_title, event.generation) == (title, number):
                continue
            if event.n > first:
                phases.append(Phase(title, number, first, event.n - 1))
            title, number, first = next_title, event.generation, event.n
        if self.n >= first:
            phases.append(Phase(title, number, first, self.n))
        return [phase for phase in phases if generation in (None, phase.generation)]

    def generation_of(self, n: int) -> int:
        """The generation in which event `n` lies; 0 before the first."""
        index = self.outline.index(n)
        return self.outline.milestones[index].generation if index >= 0 else 0

    def parent_of(self, candidate: int) -> int | None:
        """The number of the candidate from whose harness `candidate` was made."""
        versions = self.state.versions
        if candidate not in versions or not versions[candidate].parents:
            return None
        numbers = {version.commit: number for number, version in versions.items()}
        return numbers.get(versions[candidate].parents[0])

    def results(self, instance: str) -> Iterator[tuple[Event, t.InstanceFinished]]:
        """The results of an instance up to `n`, in order."""
        for event in self.reader.results_of(self.run_id, instance, until=self.n):
            payload = event.payload
            if isinstance(payload, t.InstanceFinished):
                yield event, payload


def _phase_title(event: Event) -> str | None:
    """The heading of the phase that `event` begins; None where it begins none."""
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
