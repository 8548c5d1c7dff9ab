"""Steps: units of work with effects. Started, then finished by an event of their own, failed, or abandoned."""

from __future__ import annotations

from typing import Literal

from engine.events.types.base import Payload, event
from engine.failure import Failure

StepKind = Literal["baseline", "write", "execute", "analyse", "improve", "test"]


@event("step.started")
class StepStarted(Payload, frozen=True):
    """A step started. Until its result is in the log it is in doubt."""

    kind: StepKind
    attempt: int


@event("step.failed")
class StepFailed(Payload, frozen=True):
    """A step ended in an error. `traceback` is a blob: where in the engine it was raised."""

    kind: StepKind
    attempt: int
    failure: Failure
    traceback: str = ""

    def blobs(self) -> list[str]:
        return [self.traceback] if self.traceback else []

    def withheld(self) -> list[str]:
        return self.blobs()


@event("step.abandoned")
class StepAbandoned(Payload, frozen=True):
    """A step in doubt is abandoned and will be repeated, except for its `kept` results."""

    kind: StepKind
    attempt: int
    reason: str
    kept: int
