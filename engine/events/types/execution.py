"""Executions: baselines, graded answers, their means, and probes of proposals."""

from __future__ import annotations

import msgspec

from engine.events.types.base import Payload, event
from engine.failure import Failure

BLOB = "sha256:"
"""The prefix of a stored answer that is in a blob."""


class Score(msgspec.Struct, frozen=True):
    """A mean with its standard error over `n` units (`engine.core.units`)."""

    score: float
    se: float
    n: int


class PrivateCheck(msgspec.Struct, frozen=True, omit_defaults=True):
    """The private check on a split: the mean honest score with its floor, and instances refused by reason.

    `passed` is false where an instance is refused or the mean is below the floor. `measures` are means over instances.
    """

    passed: bool
    honest: Score | None = None
    floor: Score | None = None
    refused: dict[str, int] = {}
    measures: dict[str, Score] = {}


@event("baseline.measured")
class BaselineMeasured(Payload, frozen=True):
    """Scores on `val` of baseline methods that learnt from `train`."""

    scores: dict[str, Score]
    wall_s: float
    private: dict[str, PrivateCheck] = {}


@event("harness.prepared")
class HarnessPrepared(Payload, frozen=True):
    """`prepare` ran in a sandbox. `failure` then stands for every instance of the execution."""

    harness: str
    cpu_s: float
    wall_s: float
    failure: Failure | None = None
    log: str = ""

    def blobs(self) -> list[str]:
        return [self.log] if self.log else []

    def withheld(self) -> list[str]:
        return self.blobs()


@event("instance.finished")
class InstanceFinished(Payload, frozen=True):
    """An answer and its grade. `prepared` names the set that the harness learnt from; `answer` and `log` are blobs.

    `group` is the domain's: instances of one group are one unit of the gate's test; `slice` is the domain's name of the
    instance's kind. `disturbed` says what else the
    machine did while the answer was timed: since rules 5 nothing is accepted by such a score.
    """

    harness: str
    split: str
    instance: str
    repeat: int
    seed: int
    prepared: str
    score: float
    answer: str = ""
    weights: str | None = None
    honest: float | None = None
    floor: float | None = None
    refused: str = ""
    detail: str = ""
    measures: dict[str, float] = {}
    failure: Failure | None = None
    cpu_s: float = 0.0
    wall_s: float = 0.0
    log: str = ""
    reused: bool = False
    group: str = ""
    disturbed: str = ""
    slice: str = ""

    def blobs(self) -> list[str]:
        answer = self.answer.removeprefix(BLOB)
        return [name for name in (answer if answer != self.answer else "", self.log) if name]

    def withheld(self) -> list[str]:
        return [self.log] if self.log else []


@event("execution.finished")
class ExecutionFinished(Payload, frozen=True):
    """All instances of a generation have a grade. `digest` covers (split, instance, repeat, answer, score) in order.

    `private` is the private check on `val`, where the domain has one.
    """

    scores: dict[str, Score]
    digest: str
    failures: dict[str, int]
    evaluations: int
    reused: int
    wall_s: float
    incumbent: Score | None = None
    private: PrivateCheck | None = None


class Stopped(msgspec.Struct, frozen=True):
    """Where a probe stopped that was clearly worse than the best one: `after` so many evaluations `of` its fold.

    `against` is the key of the best probe, `same` its mean on the same instances, `whole` its mean on the fold.
    """

    after: int
    of: int
    against: str
    same: float
    whole: float


@event("probe.finished")
class ProbeFinished(Payload, frozen=True):
    """A proposal tried on cases of `train` that it did not learn from. `params` are all its values; `items` is a blob.

    `key` names all that the result depends on; a run of the lineage that asks for the same is given it (`reused`).
    `refused` says that it failed the private check. What a language model tries has edited files, and a `report`: a
    blob with the failures and logs that the model reads. The Meta-Agent's are of generation 0. One that `stopped` early
    has a score and items of as many instances as it answered; it is reused against the same best probe only. `noise` is
    the standard deviation of the scores of one instance in several repeats, over all instances.
    """

    generation: int
    attempt: int
    ordinal: int
    why: str
    params: dict[str, bool | int | float | str]
    fold: str
    score: Score
    evaluations: int
    cpu_s: float
    wall_s: float
    key: str
    items: str = ""
    failure: Failure | None = None
    reused: bool = False
    refused: bool = False
    weights: str | None = None
    report: str = ""
    stopped: Stopped | None = None
    noise: float = 0.0

    def blobs(self) -> list[str]:
        return [name for name in (self.items, self.report) if name]

    def withheld(self) -> list[str]:
        return [self.report] if self.report else []
