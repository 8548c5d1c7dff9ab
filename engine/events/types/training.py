"""Training of weights: progress, checkpoints, and the adapter that results."""

from __future__ import annotations

from typing import Any

from engine.events.types.base import Payload, event
from engine.usage import Usage


@event("training.progress")
class TrainingProgress(Payload, frozen=True):
    """Progress of a training, at most once a second: values by name.

    `step` counts these reports. `evaluations` are the rollouts since the last one: executions of train instances.
    """

    step: int
    values: dict[str, float]
    round: int = 0
    evaluations: int = 0


@event("training.checkpointed")
class TrainingCheckpointed(Payload, frozen=True):
    """A round of training is done and can be resumed from: `state` is the digest of its folder.

    `key` names all that the training depends on, `policy` the adapter's tensors now. `samples` is a blob: the rollouts
    as [instance, sample, reward, answer, calls]. `rewards` counts them in ten equal bins from the least to the most,
    `measures` has what the trainer measured, `usage` the tokens of the rollouts. `trainer` is `ours` or `trl`.
    """

    key: str
    round: int
    state: str
    policy: str
    samples: str
    measures: dict[str, float]
    rewards: list[int] = []
    usage: Usage = Usage()
    trainer: str = ""

    def blobs(self) -> list[str]:
        return [self.samples]

    def withheld(self) -> list[str]:
        return self.blobs()


@event("weights.trained")
class WeightsTrained(Payload, frozen=True):
    """A new adapter, and with the incumbent's harness a new candidate.

    `adapter` is its id, `base` the weights that it belongs to, `parent` the adapter that training began from. `recipe`
    is complete; `key` names all that the training depends on, and a run of the lineage that asks for the same is given
    the adapter (`reused`). `ended` says why it ended, `collapse` what went wrong, if something did.
    """

    number: int
    harness: str
    adapter: str
    base: str
    algorithm: str
    recipe: dict[str, Any]
    key: str
    rounds: int
    ended: str
    author: str
    reason: str
    parent: str | None = None
    collapse: str = ""
    measures: dict[str, float] = {}
    facts: dict[str, Any] = {}
    evaluations: int = 0
    cpu_s: float = 0.0
    wall_s: float = 0.0
    reused: bool = False
