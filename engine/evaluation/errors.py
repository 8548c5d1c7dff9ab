"""Why an evaluation could not be completed."""

from __future__ import annotations


class InfrastructureFailure(Exception):
    """The sandbox, the task model or the judge is unavailable: the evaluation is repeated, never scored."""
