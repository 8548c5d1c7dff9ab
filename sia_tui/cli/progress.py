"""Progress of a run: a live bar in a terminal, and a headline per event."""

from __future__ import annotations

import sys
from types import TracebackType

from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from engine.core import budget, power
from engine.core.decide import standing
from engine.core.state import State
from engine.events import types as t
from engine.events.event import Event
from sia_tui.cli import formats
from sia_tui.cli.console import console, decorates
from sia_tui.cli.headlines import headline
from sia_tui.cli.output import plain


class Progress:
    """Prints the progress of a run; an observer of its events."""

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
        self._replies = self._cut = 0  # of the task model in this step

    def __enter__(self) -> Progress:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def began(self, state: State) -> None:
        """Prints the run, its settings and its sandbox."""
        level = str(state.isolation.get("level"))
        shown_level = f"[red]{level}[/red]" if level == "none" else escape(level)
        settings = state.settings
        generations = formats.plural(settings.generations, "generation")
        self._line(
            f"{escape(state.name)}: {escape(state.domain.title)} · {generations} · "
            f"seed {settings.seed} · agent {escape(settings.agent)} · sandbox {shown_level}"
        )
        if state.domain.caution:
            self._line(f"caution: {escape(state.domain.caution)}")

    def ended(self, state: State) -> None:
        """Prints how the run ended and the next commands."""
        self._bars.stop()
        self._line(f"{escape(state.name)} {state.status}: {escape(plain(standing(state)))}.")
        if found := power.detectable(state, state.account):
            self._line(f"{power.sentence(found)}.")
        if state.status in ("paused", "stopped", "failed"):
            self._line(f"continue with:  sia resume {escape(state.name)}")
        elif state.incumbent:
            name = escape(state.name)
            self._line(f"next:  sia show {name}    sia log {name}    sia test {name}")

    def __call__(self, event: Event, state: State) -> None:
        """Prints an appended event, if it has a headline, and updates the bar."""
        payload = event.payload
        match payload:
            case t.StepStarted(kind=kind):
                self._begin_step(kind, event.generation, state)
            case t.InstanceFinished() | t.ProbeFinished():
                self._count(payload, state)
            case t.ModelCalled(role="task", finish=finish):
                self._replies += 1
                self._cut += finish == "length"
            case _:
                if (text := headline(event, payload)) is not None:
                    self._line(text)
                if isinstance(payload, t.ExecutionFinished) and self._cut:
                    self._line(
                        f"[yellow]generation {event.generation}: of {self._replies} replies of the task model "
                        f"{self._cut} were cut at the harness's max_tokens, in which thinking counts[/yellow]"
                    )

    def _begin_step(self, kind: str, generation: int, state: State) -> None:
        total = {"execute": budget.execution_cost(state), "improve": state.settings.probes}.get(kind)
        self._done, self._sum = state.executed if kind == "execute" else 0, 0.0
        self._replies = self._cut = 0
        where = f"generation {generation} · " if generation else ""
        self._bars.reset(self._task, description=f"{where}{formats.STEP_NAMES[kind]}", total=total, note="")
        self._bars.update(self._task, completed=self._done)

    def _count(self, payload: t.InstanceFinished | t.ProbeFinished, state: State) -> None:
        self._done += 1
        score = payload.score.score if isinstance(payload, t.ProbeFinished) else payload.score
        self._sum = max(self._sum, score) if isinstance(payload, t.ProbeFinished) else self._sum + score
        note = (
            f"best {self._sum:.3f}" if isinstance(payload, t.ProbeFinished) else f"score {self._sum / self._done:.3f}"
        )
        for name, (now, cap) in budget.spending(state).items():
            note += f" · {name} {now:.4g}/{cap:g}"
        self._bars.update(self._task, completed=self._done, note=note)

    def _line(self, text: str) -> None:
        if self._quiet:
            return
        try:
            self._console.print(plain(text))
            sys.stdout.flush()
        except OSError:  # a full disk, or a reader that has gone: the log is what counts
            self._quiet = True
