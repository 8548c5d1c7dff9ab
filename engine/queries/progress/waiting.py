"""Whether a run waits for a person, told without reading its history."""

from __future__ import annotations

from engine.events import types as t
from engine.events.reader import Reader

_ASIDE = (
    t.RunHinted,
    t.RunTalked,
    t.RunNoted,
    t.RunRenamed,
    t.RunRelinked,
    t.RunForked,
    t.RunResumed,
    t.AccountRead,
    t.LossAccepted,
    t.ModelCalled,
    t.ModelWasted,
    t.ModelRetried,
    t.BudgetWarned,
)
"""What may follow the question, and does not answer it: a talk calls a model."""


def waits_for_a_person(reader: Reader, run: str) -> bool:
    """Whether a candidate of the run needs approval, as far as the last events say."""
    return reader.last_type(run, [kind.type for kind in _ASIDE]) == t.ApprovalAsked.type
