"""What a failure is, in the sandbox, in the log and on the screen."""

from __future__ import annotations

from typing import Literal

import msgspec

FailureKind = Literal["candidate", "timeout", "resource", "verifier", "model", "infrastructure"]


class Failure(msgspec.Struct, frozen=True):
    """A failure: its kind, which says whose fault it is, and one line of explanation.

    `candidate`: the harness raised, crashed or answered what cannot be an answer. `timeout`: it exceeded its CPU or
    wall time. `resource`: its memory, processes, disk or output. `model`: a call of the task model was refused or
    failed. `verifier`: grading failed. `infrastructure`: the machine failed, for example a sandbox did not start.
    """

    kind: FailureKind
    message: str


class StepFailure(Exception):
    """A step failed: the driver records `step.failed` and tries again."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure
