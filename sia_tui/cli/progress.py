"""Progress of a run on the plain command line: a live display in a terminal, else a line a milestone."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any

import click
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from engine.core import budget
from engine.core.decide import standing
from engine.core.state import State
from engine.events import types as t
from engine.events.event import Event
from sia_tui.cli.console import console, decorates
from sia_tui.cli.options import plain

_PHASES = {
    "baseline": "baseline on val",
    "write": "first harness",
    "execute": "Execution",
    "analyse": "Analysis",
    "improve": "Improvement",
    "test": "sealed test",
}
_ROLES = {"meta": "Meta-Agent", "feedback": "Feedback-Agent", "task": "task model", "judge": "judge"}


def say(text: str) -> None:
    """A line on standard error: for what is not the result."""
    click.echo(plain(text), err=True)


class Progress:
    """An observer of a run."""

    def __init__(self, *, live: bool, quiet: bool) -> None:
        self._console = console(soft_wrap=True)
        self._quiet = quiet
        self._bars = Bars(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
            disable=not (live and decorates(self._console)),
        )
        self._task = self._bars.add_task("starting", total=None, note="")
        self._done, self._sum = 0, 0.0

    def __enter__(self) -> Progress:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def began(self, state: State) -> None:
        """Says what is run, and in what isolation."""
        level = str(state.isolation.get("level"))
        shown = f"[red]{level}[/red]" if level == "none" else level
        self._line(
            f"{state.name}: {escape(state.task.title)} · {state.set.generations} generations · seed {state.set.seed} · "
            f"agent {state.set.agent} · sandbox {shown}"
        )
        if state.task.caution:
            self._line(f"caution: {escape(state.task.caution)}")

    def ended(self, state: State) -> None:
        """The last words, with what to type next."""
        self._bars.stop()
        self._line(f"{state.name} is {state.status}: {escape(plain(standing(state)))}.")
        if state.status in ("paused", "stopped", "failed"):
            self._line(f"go on with:  sia resume {state.name}")
        elif state.incumbent:
            self._line(f"look at it:  sia show {state.name}    sia log {state.name}    sia test {state.name}")

    def __call__(self, event: Event, state: State) -> None:
        """Takes in one appended event."""
        payload = event.payload
        match payload:
            case t.StepStarted(kind=kind):
                self._begin_step(kind, event.generation, state)
            case t.InstanceFinished() | t.ProbeFinished():
                self._count(payload, state)
            case _:
                if (text := milestone(event, payload)) is not None:
                    self._line(text)

    def _begin_step(self, kind: str, generation: int, state: State) -> None:
        total = {"execute": budget.execution_cost(state), "improve": state.set.probes}.get(kind)
        self._done, self._sum = state.executed if kind == "execute" else 0, 0.0
        where = f"generation {generation} · " if generation else ""
        self._bars.reset(self._task, description=f"{where}{_PHASES[kind]}", total=total, note="")
        self._bars.update(self._task, completed=self._done)

    def _count(self, payload: t.InstanceFinished | t.ProbeFinished, state: State) -> None:
        self._done += 1
        score = payload.score.score if isinstance(payload, t.ProbeFinished) else payload.score
        self._sum = max(self._sum, score) if isinstance(payload, t.ProbeFinished) else self._sum + score
        note = (
            f"best {self._sum:.3f}" if isinstance(payload, t.ProbeFinished) else f"score {self._sum / self._done:.3f}"
        )
        for name, (now, cap) in budget.used(state).items():
            note += f" · {name} {now:.4g}/{cap:g}"
        self._bars.update(self._task, completed=self._done, note=note)

    def _line(self, text: str) -> None:
        if not self._quiet:
            self._console.print(text)
            sys.stdout.flush()


def counted(failures: dict[str, int]) -> str:
    """Failures by kind, in words."""
    return ", ".join(f"{count} {kind}" for kind, count in failures.items())


def private_words(row: dict[str, Any]) -> str:
    """What a score's row says of the private check, to stand behind the score; nothing where there is none."""
    words = "" if row["honest"] is None else f", honest {row['honest']:z.4f}"
    if row.get("honest_floor") is not None:
        words += f" (floor {row['honest_floor']:.4f})"
    why = row["refused"] if "refused" in row else row["private"]["refused"] if row["private"] else ()
    return words + "".join(f"; refused: {plain(reason)}" for reason in why)


def milestone(event: Event, payload: t.Payload) -> str | None:
    """A line for an event that a person following the run wants to read, with rich markup; None for the others."""
    g = f"generation {event.generation}" if event.generation else "at the start"
    match payload:
        case t.BaselineMeasured(scores=scores):
            shown = ", ".join(f"{name} {score.score:.4f} ± {score.se:.4f}" for name, score in scores.items())
            return f"baselines on val: {escape(shown) or 'none'}"
        case t.HarnessWritten(number=number, commit=commit, changed=changed):
            return f"harness {number} is commit {commit[:10]}: {escape(plain(changed))}"
        case t.ExecutionFinished(scores=scores):
            val = scores.get("val")
            failed = f", failed: {counted(payload.failures)}" if payload.failures else ""
            check = payload.private
            honest = f", honest {check.honest.score:.4f}" if check and check.honest else ""
            honest += f" (floor {check.floor.score:.4f})" if check and check.floor else ""
            return (
                f"{g}: val {val.score:.4f} ± {val.se:.4f} (n = {val.n}){honest}{failed}, {payload.wall_s:.0f} s"
                if val
                else None
            )
        case t.GateDecided(accepted=accepted, reason=reason):
            colour = "green" if accepted else "yellow"
            return f"{g}: [{colour}]{escape(reason)}[/{colour}]"
        case t.AnalysisFinished(reason=reason, lever=lever):
            return f"{g}: the next lever is the {lever}: {escape(plain(reason))}"
        case t.ModelCalled(role=role, usd=usd, finish=finish) if role not in ("task", "judge"):
            known = "from the lineage" if payload.reused else f"{payload.latency_s:.1f} s, ${usd:.4f}"
            return f"{g}: {_ROLES[role]} call {payload.ordinal + 1}: {payload.usage.total} tokens, {known} ({finish})"
        case t.ModelRetried(role=role, wait_s=wait_s):
            reason = escape(plain(payload.reason))
            return f"[yellow]{g}: {_ROLES[role]} call again in {wait_s:.1f} s: {reason}[/yellow]"
        case t.ToolCalled(name=name, failed=failed):
            return f"{g}: {_ROLES[payload.role]} uses {escape(plain(name))}" + (" [yellow](failed)[/yellow]" * failed)
        case t.TrainingCheckpointed(round=number, measures=measures):
            classes = ", ".join(
                f"{name.removeprefix('reward/')} {value:.2f}"
                for name, value in measures.items()
                if name.startswith("reward/")
            )
            told = f"{g}: round {number} of training: mean reward {measures['reward']:.4f}"
            return escape(plain(told + (f" ({classes})" if classes else "")))
        case t.WeightsTrained(adapter=adapter, algorithm=algorithm, rounds=rounds, ended=ended, reused=reused):
            how = "from the lineage" if reused else f"{payload.wall_s:.0f} s"
            zero = [name[7:] for name, value in payload.measures.items() if name.startswith("reward/") and not value]
            wrong = f"; training went wrong: {payload.collapse}" if payload.collapse else ""
            wrong += f"; never right on {', '.join(zero)}" if zero else ""
            told = f"{g}: adapter {adapter[:10]} by {algorithm}, {rounds} rounds ({ended}), {how}"
            return escape(plain(told)) + (f"[yellow]{escape(plain(wrong))}[/yellow]" if wrong else "")
        case t.ApprovalAsked(number=number, commit=commit):
            return f"[bold]candidate {number} ({commit[:10]}) waits for a word: sia approve[/bold]"
        case t.ApprovalGiven(number=number, answer=answer, by=by, reason=reason):
            return f"candidate {number}: {answer}, says {escape(plain(by))}" + (
                f": {escape(plain(reason))}" if reason else ""
            )
        case t.ImprovementFailed(reason=reason):
            return f"{g}: no candidate came of this Improvement: {escape(plain(reason))}"
        case t.StepFailed(kind=kind, failure=failure):
            return f"[red]{g}: {kind} failed ({failure.kind}): {escape(plain(failure.message))}[/red]"
        case t.StepAbandoned(kind=kind, reason=reason, kept=kept):
            return f"{g}: {kind} given up ({escape(reason)}); {kept} results are kept"
        case t.BudgetWarned(resource=resource, share=share):
            return f"[yellow]{share:.0%} of the budget of {resource} is used[/yellow]"
        case _:
            return None
