"""How a step says that it came to nothing."""

from __future__ import annotations

from engine.events import types as t


class StepFailure(Exception):
    """A step came to nothing; recorded as `step.failed` and tried again."""

    def __init__(self, failure: t.Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure
