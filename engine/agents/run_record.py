"""The run's record as agents may read it: `train` alone, and of `val` what a `View` holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from domains.contract import Instance
from engine.events import types as t


class Candidate(msgspec.Struct, frozen=True):
    """A candidate that was made: its files, why it was made, and what changed from the one before it."""

    n: int
    files: Mapping[str, bytes]
    reason: str
    changed: str


class Exchange(msgspec.Struct, frozen=True):
    """One call of the task model: what was asked and what came back, as text."""

    request: str
    reply: str


class RunRecord(Protocol):
    """What a run has recorded. Nothing of `val` or `test` by item is in it."""

    @property
    def task(self) -> str:
        """U: the task as its author wrote it."""
        ...

    @property
    def references(self) -> Mapping[str, str]:
        """R: material beside the task, by name."""
        ...

    @property
    def train(self) -> Mapping[str, Instance]:
        """The instances of `train` with their labels, by id."""
        ...

    def candidates(self) -> Sequence[Candidate]:
        """All candidates so far, in their order."""
        ...

    def train_results(self, n: int) -> Sequence[t.InstanceFinished]:
        """What candidate `n` did on its sample of `train`, in the order of ids."""
        ...

    def log(self, result: t.InstanceFinished) -> str:
        """What a harness printed."""
        ...

    def events(self, n: int, instance: str | None) -> Sequence[int]:
        """The numbers of the events that judged candidate `n`, or of its answer to `instance` of `train`."""
        ...

    def exchanges(self, n: int, result: t.InstanceFinished) -> Sequence[Exchange]:
        """The calls that candidate `n` made of the task model for one instance of `train`."""
        ...
