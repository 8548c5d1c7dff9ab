"""A running run at a glance: where it is, its scores against the best baseline, what the agent does, what it spends."""

from __future__ import annotations

from engine.core import budget
from engine.core.state import State
from engine.errors import SiaError
from engine.events import types as t
from engine.events.event import Event
from engine.queries.progress.progress import Progress
from sia_tui.app.model.snapshot import RunSnapshot
from sia_tui.app.rows.row import BLANK, Row, Tone, field, heading, row
from sia_tui.app.rows.text import wrap
from sia_tui.app.rows.units import format_score
from sia_tui.cli.formats import amount, checked, dollars, plural
from sia_tui.cli.standing import words

_BARS = 8
"""So many generations have a bar: the newest."""
_BAR_WIDTH = 24
_WORDS = 300
"""Characters of what the agent said last."""


def dashboard(snapshot: RunSnapshot, width: int) -> list[Row]:
    """What the run is doing at this event; nothing where it is at rest."""
    state = snapshot.state
    if state.status != "running":
        return []
    found = snapshot.outline.progress(snapshot.n)
    at_us = state.open_step.started_at if state.open_step else 0  # of this event
    return [
        *_where(found),
        *_times(found, at_us),
        *_agent(snapshot, width),
        *_spending(state),
        *score_bars(state, found, width),
        BLANK,
    ]


def _where(found: Progress) -> list[Row]:
    phase = words.phase(found) or "between two steps"
    share = f" {found.share:.0%}" if found.share is not None else ""
    tone: Tone = "warn" if found.doing in ("server", "approval") else "title"
    rows = [row((phase, tone), f"  {words.amount(found)}", (f"  {words.bar(found.share, _BAR_WIDTH)}{share}", "chart"))]
    if found.reason:
        rows.append(field("why", (found.reason, "warn")))
    if found.score:
        rows.append(field("score so far", words.score(found)))
    if found.failed:
        rows.append(field("failed", (f"{found.failed:,} of {plural(found.done, 'result')}", "bad")))
    return rows


def _times(found: Progress, at_us: int) -> list[Row]:
    parts = [words.step_time(found, at_us, at_us), words.run_time(found, at_us, at_us)]
    if found.each_s:
        pace = f"{1 / found.each_s:.3g} a second" if found.each_s < 1 else f"{words.clock(found.each_s)} each"
        parts.append(pace)
    told = ", ".join(part for part in parts if part)
    return [field("time", told)] if told and at_us else []


def _agent(snapshot: RunSnapshot, width: int) -> list[Row]:
    """The agent's last tool call or sentence in the step that is open."""
    for event in reversed(snapshot.milestones()):
        if isinstance(event.payload, t.StepStarted):
            return []
        if (said := _said(snapshot, event)) is not None:
            first, *others = wrap(said, max(20, width - 15), limit=3)
            return [field("agent", *first.spans), *(field("", *one.spans) for one in others)]
    return []


def _said(snapshot: RunSnapshot, event: Event) -> str | None:
    payload = event.payload
    if not isinstance(payload, t.ToolCalled | t.ModelCalled) or payload.role in ("task", "talk", "judge"):
        return None
    from engine.queries.calls import facts

    try:
        call = facts(snapshot.reader, event)
    except SiaError:  # a log whose texts were left out
        return payload.name if isinstance(payload, t.ToolCalled) else None
    if isinstance(payload, t.ToolCalled):
        return " ".join(f"{payload.name} {call['request']}".split())[:_WORDS]
    text = call["reply"].get("text", "") if isinstance(call["reply"], dict) else ""
    return " ".join(str(text).split())[:_WORDS] or None


def _spending(state: State) -> list[Row]:
    spent = state.spent
    parts = [plural(spent.evaluations, "evaluation")]
    parts += [f"${dollars(spent.usd, unpriced=False)}, {plural(spent.tokens, 'token')}"] if spent.tokens else []
    left = [f"{amount(max(0.0, cap - now))} {name}" for name, (now, cap) in budget.spending(state).items()]
    return [field("spent", ", ".join(parts), (f"; left: {', '.join(left)}" if left else "", "dim"))]


def score_bars(state: State, found: Progress, width: int) -> list[Row]:
    """A bar for each of the newest generations, one for the best baseline, from 0 or the least score."""
    bars: list[tuple[str, t.Score, str, Tone]] = []
    if state.baseline and state.baseline.scores:
        name, best = max(state.baseline.scores.items(), key=lambda item: item[1].score)
        bars.append(("base", best, f"{name}{checked(best.score, state.baseline.private.get(name))}", "dim"))
    for one in state.generations[-_BARS:]:
        val = one.execution.scores.get("val") if one.execution else None
        if val is not None:
            accepted = one.verdict and one.verdict.accepted
            notes = checked(val.score, one.execution.private if one.execution else None).removeprefix(", ")
            best_mark = "the best so far" if one.n == state.incumbent else ""
            bars.append((f"gen {one.n}", val, ", ".join(filter(None, (best_mark, notes))), "good" if accepted else ""))
        elif one.n == state.generation and found.score and found.doing in ("execute", "server"):
            bars.append((f"gen {one.n}", found.score, "so far", "accent"))
    if not bars:
        return []
    low = min(0.0, *(score.score for _, score, _, _ in bars))
    span = max(score.score for _, score, _, _ in bars) - low or 1.0
    room = max(8, min(_BAR_WIDTH, width - 50))
    return [
        BLANK,
        heading("scores on val", "against the best baseline"),
        *(
            row(
                (f"{name:<7}", "dim"),
                (words.bar((score.score - low) / span, room), tone),
                f" {format_score(score.score, score.se, score.n)}",
                (f"  {note}", "dim"),
            )
            for name, score, note, tone in bars
        ),
    ]
