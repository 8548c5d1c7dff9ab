"""The part of a run that agents may read: `train`. What they are told of `val` is in a `View`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from domains.contract import Instance
from engine.events import types as t


class Candidate(msgspec.Struct, frozen=True):
    """A candidate: the reason for it, its changes to the harness that it was made from, and the Analysis before it.

    `parent` is the candidate that it was made from; None for the first.
    """

    n: int
    reason: str
    changed: str
    findings: str = ""
    expected_gain: float | None = None
    parent: int | None = None


class Exchange(msgspec.Struct, frozen=True):
    """One call of the task model as text."""

    request: str
    reply: str


class RunRecord(Protocol):
    """A run's record for agents. It holds no single instance of `val` or `test`."""

    @property
    def task(self) -> str:
        """U: the task in its author's words."""
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
        """All candidates so far, in order."""
        ...

    def files(self, n: int) -> Mapping[str, bytes] | None:
        """The files of candidate `n`; None where there is no such candidate."""
        ...

    def declined(self) -> Sequence[Mapping[str, bytes]]:
        """The files of each candidate that a person declined, or replaced by an edit."""
        ...

    def train_results(self, n: int) -> Sequence[t.InstanceFinished]:
        """The results of candidate `n` on its sample of `train`, ordered by id."""
        ...

    def log(self, result: t.InstanceFinished) -> str:
        """The harness's output."""
        ...

    def events(self, n: int, instance: str | None) -> Sequence[int]:
        """The numbers of the events that judged candidate `n`, or of its results on `instance` of `train`."""
        ...

    def exchanges(self, n: int, result: t.InstanceFinished) -> Sequence[Exchange]:
        """Candidate `n`'s calls of the task model for one instance of `train`."""
        ...
