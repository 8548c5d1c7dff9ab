"""What has failed: in the generations of all runs, and the first failure of a generation, with its traceback."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from engine.core.state import State
from engine.events import types as t
from engine.events.event import Event
from engine.events.reader import Reader, RunRow
from engine.failure import Failure
from sia_tui.app.model.snapshot import RunSnapshot
from sia_tui.app.model.sources import Source


class Failures(NamedTuple):
    """`failed` of the `results` of the Execution that ended at event `n`; `message` is the first one's."""

    n: int
    generation: int
    failed: int
    results: int
    message: str

    @property
    def total(self) -> bool:
        """Whether every result failed, so that the score says nothing."""
        return self.failed == self.results


def failures(reader: Reader, finished: Event, after: int) -> Failures | None:
    """What failed in the Execution that began after event `after` and ended with `finished`; None where nothing did."""
    done = finished.payload
    if not isinstance(done, t.ExecutionFinished) or not done.failures:
        return None
    first = reader.first_failed(finished.run, finished.generation, after=after, until=finished.n)
    failure = first.payload.failure if first and isinstance(first.payload, t.InstanceFinished) else None
    message = failure.message if failure else ", ".join(done.failures)
    failed, results = sum(done.failures.values()), done.evaluations + done.reused
    return Failures(finished.n, finished.generation, failed, results, message)


def sentence(found: Failures) -> str:
    """How many failed, and why the first did."""
    return f"{found.failed:,}/{found.results:,} failed: {found.message}"


def _of_each(reader: Reader, ends: Sequence[Event], after: int) -> dict[int, Failures]:
    """What failed in Executions by generation; `ends` finished them, one after the other from event `after` on."""
    begins = [after, *(end.n for end in ends)]
    found = (failures(reader, end, begin) for begin, end in zip(begins, ends, strict=False))
    return {one.generation: one for one in found if one}


class KnownFailures:
    """What failed in the generations of all runs of the open logs. Each event is read once."""

    def __init__(self) -> None:
        self._read: dict[tuple[str, str], tuple[int, int, dict[int, Failures]]] = {}

    def of(self, source: Source, run: RunRow) -> dict[int, Failures]:
        """Those of a run's own generations, up to its newest event."""
        read, ended, found = self._read.get((source.label, run.run), (0, 0, {}))
        if read < run.head_n:
            ends = source.reader.of_type_in(run.run, t.ExecutionFinished.type, after=read, until=run.head_n)
            found |= _of_each(source.reader, ends, ended)
            self._read[source.label, run.run] = (run.head_n, ends[-1].n if ends else ended, found)
        return found


def failures_by_generation(snapshot: RunSnapshot) -> dict[int, Failures]:
    """What failed in the Executions that are finished; only the generations in which something did."""
    ends = [event for event in snapshot.milestones() if event.type == t.ExecutionFinished.type]
    return _of_each(snapshot.reader, ends, 0)


def failures_of(snapshot: RunSnapshot, generation: int) -> Failures | None:
    """What failed in the last Execution of a generation; None where nothing did, or it is not finished."""
    started = snapshot.last_milestone(t.GenerationStarted.type, generation)
    finished = snapshot.last_milestone(t.ExecutionFinished.type, generation)
    return failures(snapshot.reader, finished, started.n) if started and finished else None


def failure_of(event: Event) -> Failure | None:
    """The failure that an event records, if it records one."""
    failure = getattr(event.payload, "failure", None)
    return failure if isinstance(failure, Failure) else None


def failed_step(state: State, generation: int) -> bool:
    """Whether what a generation came to last is a step that failed and has not succeeded since."""
    return state.last_failure is not None and state.generation == generation


def first_failure(snapshot: RunSnapshot, generation: int) -> Event | None:
    """The event that says why a generation (0: what is before the first) failed; None where nothing did.

    A step that failed and has not succeeded since; else `prepare`, the first instance, a step, or a probe.
    """
    own = [event for event in snapshot.milestones() if event.generation == generation]
    steps = [event for event in own if event.type == t.StepFailed.type]
    if steps and failed_step(snapshot.state, generation):
        return steps[-1]
    prepared = [event for event in own if event.type == t.HarnessPrepared.type and failure_of(event)]
    if prepared:
        return prepared[0]
    started = snapshot.last_milestone(t.GenerationStarted.type, generation)
    instance = (
        snapshot.reader.first_failed(started.run, generation, after=started.n, until=snapshot.n) if started else None
    )
    probes = (event for event in own if event.type == t.ProbeFinished.type and failure_of(event))
    return instance or next(iter(steps), None) or next(probes, None)
