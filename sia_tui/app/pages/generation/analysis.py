"""An Analysis: findings, the lever and its reason, the notebook, the evidence, the expected gain, and the outcome."""

from __future__ import annotations

from engine.events import types as t
from engine.plain import decimal
from sia_tui.app.model.snapshot import RunSnapshot
from sia_tui.app.rows.row import BLANK, Page, Row, Target, Tone, empty_page, field, heading, row
from sia_tui.app.rows.text import wrap
from sia_tui.app.rows.units import format_score


def build(snapshot: RunSnapshot, target: Target, width: int) -> Page:
    """The last Analysis of generation `target.first`."""
    n = int(target.first)
    title = f"Analysis of generation {n}"
    event = snapshot.last_milestone(t.AnalysisFinished.type, n)
    analysis = event.payload if event else None
    if not isinstance(analysis, t.AnalysisFinished):
        return empty_page(title, _missing(snapshot, n))
    rows: list[Row] = [
        *([heading("findings"), *wrap(analysis.findings, width), BLANK] if analysis.findings else []),
        field("lever", (analysis.lever, "accent"), f"  {analysis.algorithm}"),
        heading("reason"),
        *wrap(analysis.reason, width),
    ]
    if analysis.expected_gain is not None:
        rows += [BLANK, field("expected", f"{decimal(analysis.expected_gain, '+')}")]
    if analysis.cost_estimate:
        rows.append(field("cost", analysis.cost_estimate))
    if analysis.notebook:
        rows += [BLANK, heading("notebook from here on"), *wrap(analysis.notebook, width)]
    if analysis.evidence:
        rows += [BLANK, heading("evidence")]
        rows += [row((f"event {number:,}", "accent"), to=Target("event", number)) for number in analysis.evidence]
    rows += [BLANK, heading("outcome"), _outcome(snapshot, n, analysis)]
    return Page(title, rows)


def _missing(snapshot: RunSnapshot, n: int) -> str:
    state = snapshot.state
    if state.settings is not None and n == state.settings.generations:
        return f"Generation {n} has no Analysis: it is the last"
    return f"Generation {n} has no Analysis at this event"


def _outcome(snapshot: RunSnapshot, n: int, analysis: t.AnalysisFinished) -> Row:
    """The outcome of the candidate that the Improvement after this Analysis made."""
    state, candidate = snapshot.state, n + 1
    if n < len(state.generations):
        verdict, target = state.of(candidate).verdict, Target("generation", candidate)
        if verdict is None:
            return row((f"candidate {candidate} is being executed", "dim"), to=target)
        gain = format_score(verdict.difference, verdict.se, verdict.n, sign="+")
        if (expected := analysis.expected_of(state.versions.get(candidate))) is not None:
            gain += f", {decimal(expected, '+')} was expected"
        tone: Tone = "good" if verdict.accepted else "warn"
        outcome = "accepted" if verdict.accepted else "rejected"
        return row((f"candidate {candidate} {outcome}: ", tone), gain, to=target)
    if candidate in state.versions:
        return row((f"candidate {candidate} is not executed yet", "dim"), to=Target("harness", candidate))
    return row(("no candidate at this event", "dim"))
