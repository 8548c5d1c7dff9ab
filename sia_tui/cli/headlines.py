"""The headline of an event: what it means for the run, in one line. Events that only fill in details have none."""

from __future__ import annotations

from rich.markup import escape

from engine.events import types as t
from engine.events.event import Event
from engine.plain import with_error
from sia_tui.cli import formats
from sia_tui.cli.formats import decimal, plural
from sia_tui.cli.output import plain

ROLES = {"meta": "Meta-Agent", "feedback": "Feedback-Agent", "task": "task model", "judge": "judge", "talk": "agent"}
ANSWERS = {"yes": "approved", "no": "declined", "edit": "edited"}
"""How a candidate was answered, by the answer."""


def headline(event: Event, payload: t.Payload) -> str | None:
    """The headline of an event, with rich markup; None if the event has none."""
    g = f"generation {event.generation}" if event.generation else "at the start"
    match payload:
        case t.BaselineMeasured(scores=scores):
            scored = ", ".join(
                f"{name} {with_error(score.score, score.se, score.n)}"
                f"{formats.checked(score.score, payload.private.get(name))}"
                for name, score in scores.items()
            )
            return f"baselines on val: {escape(scored) or 'none'}"
        case t.HarnessWritten(number=number, commit=commit, changed=changed):
            return f"harness {number} is commit {escape(commit[:10])}: {escape(plain(changed))}"
        case t.ExecutionFinished(scores={"val": val}):
            return f"{g}: val {_executed(payload, val)}, {payload.wall_s:.0f} s"
        case t.GateLooked(look=look, open=True):
            return f"{g}: {formats.look(look, 'the first look')}, so the reserve is executed"
        case t.GateDecided(accepted=accepted, reason=reason):
            return f"{g}: [{'green' if accepted else 'yellow'}]{escape(reason)}[/]"
        case t.AccountRead(spent=spent, removed=removed):
            others = (
                f"{escape(plain(removed))}, which was removed, has" if removed else "other runs of this lineage have"
            )
            return f"{g}: {others} judged {len(spent)} more and spent {sum(spent.values()):.2g}"
        case t.AnalysisFinished(reason=reason, lever=lever):
            return f"{g}: the next lever is the {lever}: {escape(plain(reason))}"
        case t.ModelCalled(role=role, usd=usd, finish=finish) if role not in ("task", "judge"):
            paid = "price unknown" if payload.unpriced else f"${usd:.4f}"
            known = "reused" if payload.reused else f"{payload.latency_s:.1f} s, {paid}"
            known += f" ({escape(finish)})"
            used = formats.plural(payload.usage.total, "token")
            return f"{g}: {ROLES[role]} call {payload.ordinal + 1}: {used}, {known}"
        case t.ModelWasted(role=role, usd=usd):
            reason = escape(plain(payload.reason))
            paid = "price unknown" if payload.unpriced else f"${usd:.4f}"
            return f"[yellow]{g}: {ROLES[role]} call billed ({paid}) and of no use: {reason}[/yellow]"
        case t.ModelRetried(role=role, wait_s=wait_s, reason=reason):
            return f"[yellow]{g}: {ROLES[role]} call retried in {wait_s:.1f} s: {escape(plain(reason))}[/yellow]"
        case t.ContextCompacted(role=role, results=results):
            return f"[yellow]{g}: the {ROLES[role]}'s context was full: results left out: {results}[/yellow]"
        case t.ClientFinished():
            return f"{g}: {_errand(payload)}"
        case t.ToolCalled(name=name, failed=failed) if payload.role != "task":
            return f"{g}: {ROLES[payload.role]} uses {escape(plain(name))}" + (" [yellow](failed)[/yellow]" * failed)
        case t.TrainingCheckpointed(round=number, measures=measures):
            classes = ", ".join(
                f"{name.removeprefix('reward/')} {value:.2f}"
                for name, value in measures.items()
                if name.startswith("reward/")
            )
            mean = f"mean reward {measures['reward']:.4f}" if "reward" in measures else "no mean reward"  # it was NaN
            line = f"{g}: round {number} of training: {mean}"
            return escape(plain(line + (f" ({classes})" if classes else "")))
        case t.WeightsTrained(adapter=adapter, algorithm=algorithm, rounds=rounds, ended=ended, reused=reused):
            how = "reused" if reused else f"{payload.wall_s:.0f} s"
            zero = [name[7:] for name, value in payload.measures.items() if name.startswith("reward/") and not value]
            wrong = f"; training collapsed: {payload.collapse}" if payload.collapse else ""
            wrong += f"; zero reward on {', '.join(zero)}" if zero else ""
            line = f"{g}: adapter {adapter[:10]} by {algorithm}, {plural(rounds, 'round')} ({ended}), {how}"
            return escape(plain(line)) + (f"[yellow]{escape(plain(wrong))}[/yellow]" if wrong else "")
        case t.RunHinted(text=text, by=by):
            return f"hint by {escape(plain(by))}: {escape(plain(text))}"
        case t.ApprovalAsked(number=number, reason=reason) if reason:
            why = f"candidate {number} needs your approval, since {escape(plain(reason))}: sia approve"
            return f"[bold red]{why}[/bold red]"
        case t.ApprovalAsked(number=number, commit=commit):
            return f"[bold]candidate {number} ({escape(commit[:10])}) needs your approval: sia approve[/bold]"
        case t.ApprovalGiven(number=number, answer=answer, by=by, reason=reason):
            return f"candidate {number} {ANSWERS[answer]} by {escape(plain(by))}" + (
                f": {escape(plain(reason))}" if reason else ""
            )
        case t.ImprovementFailed(reason=reason):
            return f"{g}: Improvement found no candidate: {escape(plain(reason))}"
        case t.StepFailed(kind=kind, failure=failure):
            what = f"{formats.STEP_NAMES[kind]} failed ({failure.kind}): {escape(plain(failure.message))}"
            return f"[red]{g}: {what}[/red]"
        case t.StepAbandoned(kind=kind, reason=reason, kept=kept):
            return f"{g}: {formats.STEP_NAMES[kind]} interrupted ({escape(reason)}); {plural(kept, 'result')} kept"
        case t.Unread(problem=problem):
            return f"[red]{g}: left out, since {escape(plain(problem))}[/red]"
        case t.BudgetWarned(resource=resource, share=share):
            return f"[yellow]{share:.0%} of the {escape(resource)} budget used[/yellow]"
        case _:
            return None


def _errand(done: t.ClientFinished) -> str:
    """How a client's errand went: who, how long, at what cost, and what a person should know of it."""
    cost = "unmetered" if done.unmetered else f"${done.usd:.4f}"
    used = formats.plural(done.usage.total, "token") if done.usage.total else "tokens unknown"
    how = "reused" if done.reused else f"{done.wall_s:.0f} s, {used}, {cost}"
    how += "" if done.login == "unknown" else f", by {done.login}"
    client = f"{done.client} {done.release}".strip()
    said = [*done.said, *([done.failure.message] if done.failure else [])]
    wrong = f"[yellow]; {escape(plain('; '.join(said)))}[/yellow]" if said else ""
    return f"{ROLES[done.role]}: {escape(plain(client))}, errand {done.ordinal + 1}: {how}{wrong}"


def _executed(done: t.ExecutionFinished, val: t.Score) -> str:
    """The score on val, the incumbent's where that was executed beside it, the private check and the failures."""
    beside, check = done.incumbent, done.private
    refused = check is not None and not check.passed  # said at once, since a narrow pane cuts the end
    text = f"{decimal(val.score)} refused" if refused else with_error(val.score, val.se, val.n)
    text += f", {formats.honest(val.score, check.honest.score)}" if check and check.honest else ""
    text += f" (n = {val.n})"
    text += f", the best so far {with_error(beside.score, beside.se, beside.n)} beside it" if beside else ""
    text += f" (floor {decimal(check.floor.score)})" if check and check.floor else ""
    return text + (f", failed: {escape(formats.failures(done.failures))}" if done.failures else "")
