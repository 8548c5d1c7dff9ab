"""An Analysis: findings, the lever and why, the evidence, what was expected, and what came of it."""

from __future__ import annotations

from engine.events import types as t
from sia_tui.app.model.snapshot import Moment
from sia_tui.app.rows.row import BLANK, Page, Row, Target, fact, heading, prose, row


def build(moment: Moment, target: Target, width: int) -> Page:
    """The last Analysis of generation `target.first`."""
    n = int(target.first)
    event = moment.last_of(t.AnalysisFinished.type, n)
    found = event.payload if event else None
    if not isinstance(found, t.AnalysisFinished):
        return Page(f"Analysis of generation {n}", [row(("there is none at this event", "dim"))])
    rows: list[Row] = [heading("findings"), *prose(found.findings, width)]
    rows += [BLANK, fact("lever", (found.lever, "accent"), f"  {found.algorithm}"), heading("reason")]
    rows += prose(found.reason, width)
    if found.expected_gain is not None:
        rows += [BLANK, fact("expected", f"{found.expected_gain:+.4f}")]
    if found.cost_estimate:
        rows.append(fact("cost", found.cost_estimate))
    if found.evidence:
        rows += [BLANK, heading("evidence")]
        rows += [row((f"event {number:,}", "accent"), to=Target("event", number)) for number in found.evidence]
    rows += [BLANK, heading("what came of it"), *_outcome(moment, n, found)]
    return Page(f"Analysis of generation {n}", rows)


def _outcome(moment: Moment, n: int, found: t.AnalysisFinished) -> list[Row]:
    state = moment.state
    if n < len(state.generations):
        verdict = state.of(n + 1).verdict
        to = Target("generation", n + 1)
        if verdict is None:
            return [row((f"candidate {n + 1} is being executed", "dim"), to=to)]
        gained = f"{verdict.difference:+.4f} ± {verdict.se:.4f}"
        hoped = "" if found.expected_gain is None else f", {found.expected_gain:+.4f} was expected"
        word = "accepted" if verdict.accepted else "rejected"
        return [row((f"candidate {n + 1} {word}: ", "good" if verdict.accepted else "warn"), gained + hoped, to=to)]
    if n + 1 in state.versions:
        return [row((f"candidate {n + 1}, not executed yet", "dim"), to=Target("harness", n + 1))]
    return [row(("no candidate at this event", "dim"))]
