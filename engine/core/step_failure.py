"""The error of a step that failed."""

from __future__ import annotations

from engine.events import types as t


class StepFailure(Exception):
    """The step failed: the driver records `step.failed` and tries again."""

    def __init__(self, failure: t.Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure
