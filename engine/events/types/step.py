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
    kind: StepKind
    attempt: int
    failure: Failure


@event("step.abandoned")
class StepAbandoned(Payload, frozen=True):
    """A step in doubt is abandoned and will be repeated, except for its `kept` results."""

    kind: StepKind
    attempt: int
    reason: str
    kept: int
