"""An event in one line."""

from __future__ import annotations

import msgspec
from rich.text import Text

from engine.events import types as t
from engine.events.event import Event
from sia_tui.app.rows.row import Span, Tone
from sia_tui.app.rows.units import format_score, format_time
from sia_tui.cli import formats
from sia_tui.cli.formats import STEP_NAMES, plural

_TONES: dict[str, Tone] = {
    t.StepFailed.type: "bad",
    t.StepAbandoned.type: "warn",
    t.RunFailed.type: "bad",
    t.BudgetWarned.type: "warn",
    t.BudgetExhausted.type: "warn",
    t.ApprovalAsked.type: "accent",
    t.HarnessWritten.type: "accent",
    t.ClientFinished.type: "accent",
    t.AnalysisFinished.type: "accent",
    t.ExecutionFinished.type: "strong",
    t.RunFinished.type: "strong",
    t.RunHinted.type: "accent",
    t.RunTalked.type: "accent",
    t.TestUnsealed.type: "accent",
}


def event_line(event: Event) -> tuple[Span, ...]:
    """Number, time of day, and what happened."""
    return ((f"{event.n:>7,} ", "dim"), (f"{format_time(event.at)} ", "dim"), *event_summary(event))


def event_summary(event: Event) -> tuple[Span, ...]:
    """What happened, without number and time."""
    payload = event.payload
    match payload:
        case t.InstanceFinished():
            return result_summary(payload)
        case t.GateLooked(look=look):
            return (("gate  ", "dim"), (formats.look(look, "the first look"), "accent" if payload.open else "dim"))
        case t.GateDecided(accepted=accepted, reason=reason):
            return (("gate  ", "dim"), (reason, "good" if accepted else "warn"))
        case t.ApprovalAsked(number=number, reason=reason) if reason:
            return ((f"candidate {number} needs your approval (a): {reason}", "bad"),)
        case t.ProbeFinished(ordinal=ordinal, why=why, score=score, failure=failure):
            end: Span = (failure.message, "bad") if failure else (why, "dim")
            return ((f"probe {ordinal}  ", "dim"), (f"{format_score(score.score, score.se, score.n)}  ", ""), end)
        case t.ModelCalled(role=role, place=place, usage=usage, reused=reused):
            usd = "price unknown" if payload.unpriced else f"{payload.usd:.4f} USD"
            cost = "reused" if reused else f"{payload.latency_s:.1f} s, {usd}"
            tokens = f"{usage.input + usage.cache_read:,} + {plural(usage.output, 'token')}  "
            return ((f"model {role}  ", "accent"), (tokens, ""), (f"{place} call {payload.ordinal}  {cost}", "dim"))
        case t.ToolCalled(name=name, place=place, failed=failed):
            return (("tool  ", "dim"), (f"{name}  ", "bad" if failed else "accent"), (place, "dim"))
        case t.ContextCompacted(results=results, place=place):
            return (("context full  ", "bad"), (f"{plural(results, 'result')} left out  ", ""), (place, "dim"))
        case t.TrainingProgress(values=values):
            from sia_tui.cli.figures.training_values import value_order

            names = [name for name in sorted(values, key=value_order) if "/" not in name]
            text = ", ".join(f"{name} {values[name]:,.4g}" for name in names)
            return ((f"training, round {payload.round}  ", "accent"), (text, "dim"))
        case t.StepStarted(kind=kind, attempt=attempt):
            retry = f", attempt {attempt}" if attempt > 1 else ""
            return ((f"{STEP_NAMES[kind]} started{retry}", "dim"),)
        case t.GenerationStarted(candidate=candidate):
            return ((f"generation {event.generation} ", "title"), (f"candidate {candidate.harness[:10]}", "dim"))
        case t.GenerationFinished(incumbent=incumbent):
            return ((f"generation {event.generation} finished; the incumbent is generation {incumbent}", "dim"),)
        case t.HarnessPrepared(wall_s=wall_s, failure=failure):
            text = f"prepared in {wall_s:.1f} s" if failure is None else f"prepare failed: {failure.message}"
            return ((text, "bad" if failure else "dim"),)
        case t.RunStarted(name=name):
            return ((f"{name} started", "title"),)
        case t.RunForked(name=name, at=at):
            return ((f"{name} forked from its parent at event {at:,}", "title"),)
        case t.RunFinished(reason=reason):
            return (("finished: ", "strong"), (reason, ""))
        case t.RunFailed(failure=failure):
            return (("failed: ", "bad"), (failure.message, ""))
        case t.RunPaused(by=by) | t.RunStopped(by=by):
            return ((f"{payload.type.removeprefix('run.')} by {by}", "warn"),)
        case t.RunResumed():
            return (("resumed", "accent"),)
        case t.RunRenamed(name=name):
            return ((f"renamed to {name}", "accent"),)
        case t.RunRelinked(source=source, data=data):
            return ((f"the task is now {' with '.join(filter(None, (source, data)))}", "accent"),)
        case t.RunNoted(text=text):
            return (("note: ", "accent"), (text, ""))
        case t.LossAccepted(n=n, by=by):
            return ((f"events up to {n:,} were lost, and {by} goes on without them", "bad"),)
        case t.TestUnsealed(score=score):
            beside = formats.checked(score.score, payload.private)
            return ((f"sealed test {format_score(score.score, score.se, score.n)} (n = {score.n}){beside}", "accent"),)
        case t.BudgetExhausted(reason=reason):
            return ((reason, "warn"),)
        case _:
            return _headline(event)


def _headline(event: Event) -> tuple[Span, ...]:
    """The line that the command line prints for the event; its payload as JSON where there is none."""
    from sia_tui.cli.headlines import headline

    line = headline(event, event.payload)
    text = Text.from_markup(line).plain if line else msgspec.json.encode(event.payload).decode()
    return ((text.removeprefix(f"generation {event.generation}: "), _TONES.get(event.type, "")),)


def result_summary(result: t.InstanceFinished) -> tuple[Span, ...]:
    """The result of an instance: its grade, its id, and the answer or the failure."""
    mark, tone = grade_mark(result)
    failure = result.failure
    end: Span = (f"{failure.kind}: {failure.message}", "bad") if failure else (result.answer, "")
    spans: list[Span] = [
        (f"{mark} ", tone), (f"{result.split:<5} {result.instance}  ", "dim"), (f"{result.score:.3f}  ", tone), end,
    ]  # fmt: skip
    if result.reused:
        spans.append(("  reused", "dim"))
    if result.disturbed:
        spans.append(("  timed beside others' work", "warn"))
    return tuple(spans)


def grade_mark(result: t.InstanceFinished) -> tuple[str, Tone]:
    """A mark that is legible without colour: `+` right, `-` wrong, `~` in between, `x` refused, `!` failed."""
    if result.failure:
        return "!", "warn"
    if result.refused:
        return "x", "bad"
    return ("+", "good") if result.score >= 1 else ("-", "bad") if result.score <= 0 else ("~", "")
