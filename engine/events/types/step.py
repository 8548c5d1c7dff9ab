"""Units of work with effects: started, then finished by an event of their own, or failed, or abandoned."""

from __future__ import annotations

from typing import Literal

from engine.events.types.base import Payload, event
from engine.failure import Failure

StepKind = Literal["baseline", "write", "execute", "analyse", "improve", "test"]


@event("step.started")
class StepStarted(Payload, frozen=True):
    """A unit of work with effects began. Until its result is in the log it is in doubt."""

    kind: StepKind
    attempt: int


@event("step.failed")
class StepFailed(Payload, frozen=True):
    kind: StepKind
    attempt: int
    failure: Failure


@event("step.abandoned")
class StepAbandoned(Payload, frozen=True):
    """A step in doubt is given up and will be done again; `kept` results of it need not be."""

    kind: StepKind
    attempt: int
    reason: str
    kept: int
