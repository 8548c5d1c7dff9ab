"""What each run of a log has spent by itself, for a list of runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from engine.events import types as t
from engine.events.storage.schema import MILESTONE

Rows = Callable[[str, Sequence[Any]], list[tuple[Any, ...]]]
"""Sends a statement, see `engine.events.reader.Reader.rows`."""


class RunSpent(NamedTuple):
    """What a run has spent by itself: evaluations that were executed, and US dollars as far as prices are known."""

    evaluations: int = 0
    usd: float = 0.0


def spent_by_run(rows: Rows) -> dict[str, RunSpent]:
    """By the runs' ids; a run that has spent nothing is left out. Reads the whole log: not for each tick of a clock."""
    evaluations: dict[str, int] = dict(rows("SELECT run, count(*) FROM results GROUP BY run", ()))
    paid: dict[str, float | None] = dict(
        rows(
            f"""SELECT run, sum(json_extract(CAST(payload AS TEXT), '$.usd')) FROM events
                WHERE {MILESTONE} AND type IN (?, ?, ?) GROUP BY run""",  # noqa: S608
            (t.ModelCalled.type, t.ModelWasted.type, t.ClientFinished.type),
        )
    )
    return {run: RunSpent(evaluations.get(run, 0), paid.get(run) or 0.0) for run in {**evaluations, **paid}}
