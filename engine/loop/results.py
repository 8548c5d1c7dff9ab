"""The instance results of a run, by generation and arm; folded beside the state, since they are many."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable

import msgspec

from engine.events import types as t
from engine.events.event import Event
from engine.loop.gate import Unit, mean

Key = tuple[str, str, int]
"""(split, instance, repeat)"""


class Results:
    """Grows with the log; `execution.finished` and the gate are computed from it."""

    def __init__(self) -> None:
        self._arms: dict[tuple[int, str, str | None], dict[Key, t.InstanceFinished]] = {}

    def add(self, event: Event) -> None:
        """Takes in an event; all but `instance.finished` are ignored."""
        if event.type == t.InstanceFinished.type:
            result = event.payload
            assert isinstance(result, t.InstanceFinished)  # noqa: S101 - by its type
            arm = self._arms.setdefault((event.generation, result.harness, result.weights), {})
            arm[result.split, result.instance, result.repeat] = result

    def of(self, generation: int, candidate: t.Candidate) -> dict[Key, t.InstanceFinished]:
        """What `candidate` answered in `generation`."""
        return self._arms.get((generation, candidate.harness, candidate.weights), {})

    def val(self, generation: int, candidate: t.Candidate) -> dict[Unit, float]:
        """The scores on `val` that the gate pairs."""
        return {
            (instance, repeat): result.score
            for (split, instance, repeat), result in self.of(generation, candidate).items()
            if split == "val"
        }


def scores(results: dict[Key, t.InstanceFinished]) -> dict[str, t.Score]:
    """The mean score of each split."""
    by_split: dict[str, list[float]] = {}
    for key in sorted(results):
        by_split.setdefault(key[0], []).append(results[key].score)
    return {split: mean(found) for split, found in by_split.items()}


def count_failures(failures: Iterable[t.Failure | None]) -> dict[str, int]:
    """How many failures there were of each kind."""
    return dict(sorted(Counter(failure.kind for failure in failures if failure).items()))


def digest(results: dict[Key, t.InstanceFinished]) -> str:
    """SHA-256 over (split, instance, repeat, answer, score) in the order of instances, whatever order they came in."""
    rows = [[*key, results[key].answer, results[key].score] for key in sorted(results)]
    return hashlib.sha256(msgspec.json.encode(rows)).hexdigest()
