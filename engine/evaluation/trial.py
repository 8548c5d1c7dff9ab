"""Trials and their answers: the inputs and outputs of an evaluation."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from domains.contract import Grade, Instance
from engine.failure import Failure
from engine.grading.reserve import Part
from engine.seeds import derive


class Trial(msgspec.Struct, frozen=True):
    """One instance to be answered once. `seed` is the same for every candidate; `group` and `slice` are the instance's.

    `key` is part of the positions of model and judge calls in the log, so its form must not change between releases.
    """

    key: str
    split: Part
    instance: str
    repeat: int
    seed: int
    data: Any
    group: str = ""
    slice: str = ""


class Answer(msgspec.Struct, frozen=True):
    """What a harness returned, or its failure. `cpu_s` and `wall_s` count everything that was run for it."""

    trial: Trial
    value: Any
    failure: Failure | None
    cpu_s: float
    wall_s: float
    log: str


class GradedAnswer(NamedTuple):
    """An answer and its grade. A failed one has the domain's `failure_score`."""

    answer: Answer
    grade: Grade


def trials(split: Part, instances: Sequence[Instance], repeats: Sequence[int], seed: int) -> list[Trial]:
    """One trial for each instance and repeat, under the lineage's `seed`."""
    return [trial(split, item, repeat, seed) for item in instances for repeat in repeats]


def trial(split: Part, item: Instance, repeat: int, seed: int) -> Trial:
    """The trial of one instance in one repeat."""
    group, kind = (name if isinstance(name, str) else "" for name in (item.group, item.slice))
    key, own = f"{split}/{item.id}/{repeat}", derive(seed, "instance", item.id, repeat)
    return Trial(key, split, item.id, repeat, own, item.data, group, kind)


def prepared_on(train: Sequence[Instance]) -> str:
    """The name of a training set, equal for equal sets of instance ids."""
    ids = msgspec.json.encode(sorted(item.id for item in train))
    return hashlib.sha256(ids).hexdigest()[:16]
