"""Effects that a run's lineage has recorded, looked up by all that they depend on: nothing is paid for twice.

Five kinds are reused: instance results, probes, model replies, errands of clients and adapters. Where the lineage holds
several of one key, the oldest counts; of adapters the newest whose files are still there. A result that a failure of
the verifier or of the machine made is never reused.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from pathlib import Path
from typing import Generic, TypeVar

from engine import containment
from engine.events import types as t
from engine.events.event import Event
from engine.events.lineage import Lineage
from engine.events.reader import Reader

ResultKey = tuple[str, str, int, int]
"""(split, instance, repeat, seed)"""
_Keyed = TypeVar("_Keyed", t.ProbeFinished, t.WeightsTrained, t.ClientFinished)


def is_of_candidate(failure: t.Failure | None) -> bool:
    """Whether a result says something of what was executed: a death of the verifier or of the machine does not."""
    return failure is None or failure.kind not in ("verifier", "infrastructure")


class Reuse:
    """The look-ups of one run; `workspace` is where adapters lie."""

    def __init__(self, reader: Reader, run: str, workspace: Path) -> None:
        self._reader, self._run, self._workspace = reader, run, workspace
        self._lineage = Lineage(reader, run)
        self._probes = _Index(self._lineage, t.ProbeFinished)
        self._adapters = _Index(self._lineage, t.WeightsTrained)
        self._errands = _Index(self._lineage, t.ClientFinished)
        self.probe_keys: dict[tuple[str, str], str] = {}
        """The keys of proposals, by code and values: each is computed once."""
        self._own: dict[str, int | None] | None = None

    @functools.cached_property
    def root(self) -> str:
        """The run from which the lineage comes."""
        return self._reader.segments(self._run)[0][0]

    def results(
        self, candidate: t.Candidate, prepared: str, wanted: Iterable[tuple[str, str, int]]
    ) -> dict[ResultKey, t.InstanceFinished]:
        """The results of `candidate` after learning from what `prepared` names, of the `wanted` keys of results."""
        found: dict[ResultKey, t.InstanceFinished] = {}
        for event in self._lineage.results(candidate.harness, candidate.weights, prepared, wanted):
            one = event.payload
            if isinstance(one, t.InstanceFinished) and is_of_candidate(one.failure) and not one.disturbed:
                found.setdefault((one.split, one.instance, one.repeat, one.seed), one)
        return found

    def probe(self, key: str, against: str = "") -> t.ProbeFinished | None:
        """The probe with that key; one that stopped early only if that was against the best probe `against`."""
        found = (one for one in self._probes.find(key) if one.stopped is None or one.stopped.against == against)
        return next((one for one in found if is_of_candidate(one.failure)), None)

    def errand(self, key: str) -> t.ClientFinished | None:
        """The errand of a client with that key."""
        return next((one for one in self._errands.find(key) if is_of_candidate(one.failure)), None)

    def replies(self, request: str, place: str, ordinal: int) -> list[tuple[Event, t.ModelCalled]]:
        """The replies to a request, named by its digest, at a position, each with the event that recorded it."""
        found = self._lineage.replies(request, place, ordinal)
        return [(event, call) for event in found if isinstance(call := event.payload, t.ModelCalled)]

    def adapter(self, key: str) -> t.WeightsTrained | None:
        """The training with that key whose adapter is still in the workspace."""
        found = (one for one in reversed(self._adapters.find(key)) if self._is_here(one.adapter))
        return next(found, None)

    def is_own(self, event: Event) -> bool:
        """Whether an event of the lineage belongs to this run's own history."""
        if self._own is None:
            self._own = dict(self._reader.segments(self._run))
        until = self._own.get(event.run, 0)
        return until is None or event.n <= until

    def _is_here(self, adapter: str) -> bool:
        return containment.inside(self._workspace, "adapters", adapter).is_dir()


class _Index(Generic[_Keyed]):
    """The events of one type by their `key`, read from the log as far as they are new."""

    def __init__(self, lineage: Lineage, kind: type[_Keyed]) -> None:
        self._lineage = lineage
        self._kind: type[_Keyed] = kind
        self._by_key: dict[str, list[_Keyed]] = {}
        self._read: dict[str, int] = {}

    def find(self, key: str) -> list[_Keyed]:
        """The payloads with that key, the oldest first."""
        heads = self._lineage.heads()
        for event in self._lineage.of_type(self._kind.type, after=self._read, until=heads):
            if isinstance(payload := event.payload, self._kind):
                self._by_key.setdefault(payload.key, []).append(payload)
        self._read |= heads
        return self._by_key.get(key, [])
