"""An event in one line."""

from __future__ import annotations

from datetime import datetime

import msgspec
from rich.text import Text

from engine.events import types as t
from engine.events.event import Event
from sia_tui.app.rows.row import Span, Tone

TONES: dict[str, Tone] = {
    t.StepFailed.type: "bad",
    t.StepAbandoned.type: "warn",
    t.RunFailed.type: "bad",
    t.BudgetWarned.type: "warn",
    t.BudgetExhausted.type: "warn",
    t.ApprovalAsked.type: "accent",
    t.HarnessWritten.type: "accent",
    t.AnalysisFinished.type: "accent",
    t.ExecutionFinished.type: "strong",
    t.RunFinished.type: "strong",
    t.TestUnsealed.type: "accent",
}

_FIRST = ("reward", "reward_so_far", "kl", "entropy", "loss", "tokens_s")


def rank(name: str) -> tuple[int, str]:
    """The order of what training reports: rewards, each class below, what tells of a collapse, the rest by name."""
    stem = name.partition("/")[0]
    return (_FIRST.index(stem) if stem in _FIRST else len(_FIRST), name)


def describe(event: Event) -> tuple[Span, ...]:
    """Number, time of day, and what happened."""
    return (
        (f"{event.n:>7,} ", "dim"),
        (f"{clock(event.at)} ", "dim"),
        *told(event),
    )


def clock(at: int) -> str:
    """The time of day of an event, here."""
    return datetime.fromtimestamp(at / 1e6).astimezone().strftime("%H:%M:%S")


def told(event: Event) -> tuple[Span, ...]:
    """What happened, without number and time."""
    payload = event.payload
    match payload:
        case t.InstanceFinished():
            return result(payload)
        case t.GateDecided(accepted=accepted, reason=reason):
            return (("gate  ", "dim"), (reason, "good" if accepted else "warn"))
        case t.ProbeFinished(ordinal=ordinal, why=why, score=score, failure=failure):
            end: Span = (failure.message, "bad") if failure else (why, "dim")
            return ((f"probe {ordinal}  ", "dim"), (f"{score.score:.4f} ± {score.se:.4f}  ", ""), end)
        case t.ModelCalled(role=role, place=place, usage=usage, reused=reused):
            took = "reused" if reused else f"{payload.latency_s:.1f} s, {payload.usd:.4f} USD"
            tokens = f"{usage.input + usage.cache_read:,} + {usage.output:,} tokens  "
            return ((f"model {role}  ", "accent"), (tokens, ""), (f"{place} call {payload.ordinal}  {took}", "dim"))
        case t.ToolCalled(name=name, place=place, failed=failed):
            return (("tool  ", "dim"), (f"{name}  ", "bad" if failed else "accent"), (place, "dim"))
        case t.TrainingProgress(values=values):
            shown = ", ".join(f"{name} {values[name]:,.4g}" for name in sorted(values, key=rank) if "/" not in name)
            return ((f"training, round {payload.round}  ", "accent"), (shown, "dim"))
        case t.StepStarted(kind=kind, attempt=attempt):
            again = f", try {attempt}" if attempt > 1 else ""
            return ((f"{kind} begins{again}", "dim"),)
        case t.GenerationStarted(candidate=candidate):
            return ((f"generation {event.generation} ", "title"), (f"candidate {candidate.harness[:10]}", "dim"))
        case t.GenerationFinished(incumbent=incumbent):
            return ((f"generation {event.generation} ends; the best is generation {incumbent}", "dim"),)
        case t.HarnessPrepared(wall_s=wall_s, failure=failure):
            text = f"prepared in {wall_s:.1f} s" if failure is None else f"prepare failed: {failure.message}"
            return ((text, "bad" if failure else "dim"),)
        case t.RunStarted(name=name):
            return ((f"{name} begins", "title"),)
        case t.RunForked(name=name, at=at):
            return ((f"{name} leaves its parent at event {at:,}", "title"),)
        case t.RunFinished(reason=reason):
            return (("finished: ", "strong"), (reason, ""))
        case t.RunFailed(failure=failure):
            return (("failed: ", "bad"), (failure.message, ""))
        case t.RunPaused(by=by) | t.RunStopped(by=by):
            return ((f"{payload.type.removeprefix('run.')} by {by}", "warn"),)
        case t.RunResumed():
            return (("taken up again", "accent"),)
        case t.RunRenamed(name=name):
            return ((f"called {name} from here on", "accent"),)
        case t.RunNoted(text=text):
            return (("note: ", "accent"), (text, ""))
        case t.TestUnsealed(score=score):
            return ((f"sealed test {score.score:.4f} ± {score.se:.4f} (n = {score.n})", "accent"),)
        case t.BudgetExhausted(reason=reason):
            return ((reason, "warn"),)
        case _:
            from sia_tui.cli.progress import milestone

            line = milestone(event, payload)
            text = Text.from_markup(line).plain if line else msgspec.json.encode(payload).decode()
            return ((text.removeprefix(f"generation {event.generation}: "), TONES.get(event.type, "")),)


def result(one: t.InstanceFinished) -> tuple[Span, ...]:
    """What an instance met: its grade, its id, and the answer or the failure."""
    mark, tone = grade(one)
    tail: Span = (f"{one.failure.kind}: {one.failure.message}", "bad") if one.failure else (one.answer, "")
    again: tuple[Span, ...] = (("  reused", "dim"),) if one.reused else ()
    return ((f"{mark} ", tone), (f"{one.split:<5} {one.instance}  ", "dim"), (f"{one.score:.3f}  ", tone), tail, *again)


def grade(one: t.InstanceFinished) -> tuple[str, Tone]:
    """A mark that reads without colour: right, wrong, in between, refused, or failed."""
    if one.failure:
        return "!", "warn"
    if one.refused:
        return "x", "bad"
    return ("+", "good") if one.score >= 1 else ("-", "bad") if one.score <= 0 else ("~", "")
