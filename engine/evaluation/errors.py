"""Why an evaluation could not be carried out."""

from __future__ import annotations


class InfrastructureFailure(Exception):
    """The sandbox, the task model or the judge could not do its work: the evaluation is repeated, never scored."""
