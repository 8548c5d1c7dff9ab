"""What each run of a log has spent by itself, for a list of runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from engine.events import types as t
from engine.events.storage.schema import MILESTONE, REUSED

Rows = Callable[[str, Sequence[Any]], list[tuple[Any, ...]]]
"""Sends a statement, see `engine.events.reader.Reader.rows`."""


class RunSpent(NamedTuple):
    """What a run has spent by itself: evaluations that were executed, and US dollars as far as prices are known."""

    evaluations: int = 0
    usd: float = 0.0


def spent_by_run(rows: Rows) -> dict[str, RunSpent]:
    """By the runs' ids; a run that has spent nothing is left out. Reads the whole log: not for each tick of a clock."""
    evaluations: dict[str, int] = {}
    for statement, parameters in _EXECUTED:
        for run, count in rows(statement, parameters):
            evaluations[run] = evaluations.get(run, 0) + count
    paid: dict[str, float | None] = dict(
        rows(
            f"""SELECT run, sum(json_extract(CAST(payload AS TEXT), '$.usd')) FROM events
                WHERE {MILESTONE} AND type IN (?, ?, ?) GROUP BY run""",  # noqa: S608
            (t.ModelCalled.type, t.ModelWasted.type, t.ClientFinished.type),
        )
    )
    return {run: RunSpent(evaluations.get(run, 0), paid.get(run) or 0.0) for run in {**evaluations, **paid}}


_VOTES = f"""coalesce((SELECT max(json_extract(CAST(payload AS TEXT), '$.candidate.votes')) FROM events AS started
    WHERE {MILESTONE} AND type = 'generation.started' AND started.run = of.run
    AND started.generation = of.generation), 1)"""  # noqa: S608
"""How many answers one result of a generation stands for."""
_EXECUTED = (
    (f"SELECT run, count(*) * {_VOTES} FROM results AS of GROUP BY run, generation", ()),  # noqa: S608
    (f"SELECT run, -count(*) * {_VOTES} FROM events AS of WHERE {REUSED} GROUP BY run, generation", ()),  # noqa: S608
    (
        f"""SELECT run, sum(coalesce(json_extract(CAST(payload AS TEXT), '$.evaluations'), 0)) FROM events
            WHERE {MILESTONE} AND type IN (?, ?, ?)
            AND NOT coalesce(json_extract(CAST(payload AS TEXT), '$.reused'), 0) GROUP BY run""",  # noqa: S608
        (t.ProbeFinished.type, t.ToolCalled.type, t.TrainingProgress.type),
    ),
)
"""Statements whose counts by run, added, are the evaluations executed: as in `engine.core.state.Spent`."""
