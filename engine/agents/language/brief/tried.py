"""What was tried so far, in a line each: what informs the next change, and not all of it."""

from __future__ import annotations

from engine.agents.protocol import PastGeneration, View
from engine.agents.run_record import Candidate, RunRecord
from engine.plain import decimal, plural

LATEST, ACCEPTED, FAILED = 5, 2, 2
"""So many of the latest candidates are told of, of those that were accepted before them, and of attempts that came to
nothing."""
_REASON = 240


def tried(view: View, record: RunRecord) -> str:
    """The latest candidates, the last ones before them that were accepted, and the latest attempts that failed."""
    accepted = [one for one in view.past[:-LATEST] if one.accepted]
    told = [*accepted[-ACCEPTED:], *view.past[-LATEST:]]
    made = {one.n: one for one in record.candidates()}
    lines = [_line(one, made.get(one.n), record) for one in told]
    if left_out := len(view.past) - len(told):
        lines.insert(0, f"({plural(left_out, 'earlier candidate')} left out)")
    lines += [f"an attempt after {view.generation} came to nothing: {_short(why)}" for why in view.failed[-FAILED:]]
    return "\n".join(lines)


def _line(past: PastGeneration, made: Candidate | None, record: RunRecord) -> str:
    rows = record.train_results(past.n)
    scores = [row.score for row in rows]
    score = f"val {past.val}" if past.val else f"train {decimal(sum(scores) / len(scores))}" if scores else ""
    change = f". {made.changed}: {_short(made.reason)}" if made and past.n > 1 else ""
    failed = next((f"; failed: {_short(row.failure.message)}" for row in rows if row.failure), "")
    return f"{past.n}: {', '.join(filter(None, (score, past.verdict)))}{failed}{change}"


def _short(text: str) -> str:
    return text if len(text) <= _REASON else f"{text[:_REASON]}…"
