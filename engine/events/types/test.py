"""Readings of the sealed test split."""

from __future__ import annotations

import msgspec

from engine.events.types.base import Payload, event
from engine.events.types.execution import PrivateCheck, Score


class Subset(msgspec.Struct, frozen=True):
    """A score over a named part of a split."""

    name: str
    score: float
    se: float
    n: int


@event("test.unsealed")
class TestUnsealed(Payload, frozen=True):
    """The sealed split was read. `answers` names a blob of (instance, score, answer) rows.

    `unsealed_before` counts earlier readings in the history of this run; `readings` names all that were known on the
    machine, of the same domain and whatever run. None: not recorded, in logs that are older than the count.
    `disturbed` says of each timing beside which others were at work what they did.
    """

    harness: str
    score: Score
    macro: float | None
    subsets: list[Subset]
    baselines: dict[str, Score]
    failures: dict[str, int]
    answers: str
    weights: str | None = None
    unsealed_before: int = 0
    private: PrivateCheck | None = None
    private_of_baselines: dict[str, PrivateCheck] = {}
    readings: list[str] | None = None
    disturbed: list[str] = []

    def blobs(self) -> list[str]:
        return [self.answers]
