"""Progress of a run: a headline per event, and beside it a live bar in a terminal, or a line now and then."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType

from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from engine.core import budget, power
from engine.core.decide import standing
from engine.core.state import State
from engine.events import types as t
from engine.events.event import Event
from engine.grading.live_work import Work
from engine.models.live_text import LiveText
from engine.queries.cut_replies import sentence
from engine.queries.progress.pace import Pace
from engine.queries.progress.progress import execution_total, progress
from engine.queries.progress.tally import Tally, executing
from sia_tui.cli import formats
from sia_tui.cli.console import console, decorates
from sia_tui.cli.formats import plural
from sia_tui.cli.headlines import ROLES, headline
from sia_tui.cli.output import plain
from sia_tui.cli.standing import words
from sia_tui.cli.standing.title import TerminalTitle, title

EVERY_S = 10
"""Seconds between two lines on the progress of a step."""
HEARD_S = 0.2
"""Seconds between two looks at a reply that arrives, where a bar shows it."""
BAR_WIDTH, LINE_WIDTH = 30, 80
"""Characters of a reply that arrives."""


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
        self._done, self._sum, self._score = 0, 0.0, ""
        self._name = "starting"
        self._total: int | None = None
        self._first = self._reused = 0  # results that were there before, and those that the lineage had
        self._begun = self._told = self._quoted = 0  # in µs, by the events
        self._replies = self._cut = 0  # of the task model in this step
        self._why_failed = ""  # of the first result in this step that failed
        self._unpriced = 0
        self._pace, self._earlier, self._tally = Pace(), Pace(), Tally()
        self._state: State | None = None
        self._heard_at = 0  # when the last event was appended, in µs
        self.work: Callable[[], Work] = Work
        """What the step does at this moment, as far as no event says it."""
        self._title = None if self._bars.disable else TerminalTitle(self._write)

    def __enter__(self) -> Progress:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()
        if self._title is not None:
            self._title.restore()

    def measured(self, pace: Pace, earlier: Pace) -> None:
        """Takes what the run's history took so far, and what `earlier` runs of its domain took."""
        self._pace, self._earlier = pace, earlier

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
        if state.status == "failed" and state.last_failure and state.last_failure.kind == "verifier":
            again = f"sia resume {escape(state.name)}"
            self._line(f"next:  correct the task and start a new run; if the task is right:  {again}")
        elif state.status in ("paused", "stopped", "failed"):
            self._line(f"continue with:  sia resume {escape(state.name)}")
        elif state.incumbent:
            name = escape(state.name)
            self._line(f"next:  sia show {name}    sia log {name}    sia test {name}")

    def __call__(self, event: Event, state: State) -> None:
        """Prints an appended event, if it has a headline, and updates the bar."""
        payload = event.payload
        self._take(event, state)
        self._unpriced += isinstance(payload, t.ModelCalled) and payload.unpriced
        match payload:
            case t.StepStarted(kind=kind):
                self._begin_step(kind, event, state)
            case t.InstanceFinished() | t.ProbeFinished():
                self._count(payload, event.at, state)
            case t.ModelCalled(role="task", finish=finish):
                self._replies += 1
                self._cut += finish == "length"
                self._tell(event.at, state)
            case _:
                if (text := headline(event, payload)) is not None:
                    self._line(text)
                if isinstance(payload, t.ExecutionFinished) and payload.failures and self._why_failed:
                    told = formats.first_failure(event.generation, self._why_failed)
                    self._line(f"[yellow]{escape(told)}[/yellow]")
                if isinstance(payload, t.ExecutionFinished) and self._cut:
                    self._line(f"[yellow]{sentence(event.generation, self._replies, self._cut)}[/yellow]")

    def _take(self, event: Event, state: State) -> None:
        self._state, self._pace, self._heard_at = state, self._pace.after(event), event.at
        candidate = executing(state)
        if candidate is None or isinstance(event.payload, t.GenerationStarted):
            self._tally = Tally()
        elif isinstance(event.payload, t.InstanceFinished):
            self._tally = self._tally.plus(event.payload, candidate)

    def waited(self, now_us: int) -> None:
        """Called each second: sets the title, and prints a line where a step has said nothing for `EVERY_S`."""
        if (state := self._state) is None:
            return
        found = progress(state, self._pace, self._tally, self._earlier)
        if self._title is not None:
            self._title.set(title(state.name, state.status, found))
        if not self._bars.disable or not found.begun or now_us - self._told < EVERY_S * 1_000_000:
            return
        self._told = now_us
        phase = " ".join(part for part in (words.DOING[found.doing], found.server) if part)
        name = f"{self._name}: {phase}" if found.doing in ("prepare", "server") else self._name
        times = [words.step_time(found, self._heard_at, now_us), words.run_time(found, self._heard_at, now_us)]
        doing = (words.waited(found, now_us), words.amount(found), words.work(self.work(), now_us))
        said = " · ".join(part for part in (*doing, *times) if part)
        self._line(escape(f"{name}: {said}"))

    def _begin_step(self, kind: str, event: Event, state: State) -> None:
        total = {"execute": execution_total(state), "improve": state.settings.probes}.get(kind)
        self._done, self._sum, self._total = state.executed if kind == "execute" else 0, 0.0, total
        self._first, self._reused = self._done, 0
        self._begun = self._told = self._quoted = event.at
        self._replies, self._cut, self._why_failed = 0, 0, ""
        where = f"generation {event.generation} · " if event.generation else ""
        self._name = f"{where}{formats.STEP_NAMES[kind]}"
        self._bars.reset(self._task, description=self._name, total=total, note="")
        self._bars.update(self._task, completed=self._done)

    def _count(self, payload: t.InstanceFinished | t.ProbeFinished, at: int, state: State) -> None:
        self._done += 1
        self._reused += payload.reused
        score = payload.score.score if isinstance(payload, t.ProbeFinished) else payload.score
        self._sum = max(self._sum, score) if isinstance(payload, t.ProbeFinished) else self._sum + score
        self._score = (
            f"best {self._sum:.3f}"
            if isinstance(payload, t.ProbeFinished)
            else f"score {self._sum / (self._done - self._first):.3f}"
        )
        if isinstance(payload, t.InstanceFinished):
            if payload.failure and not self._why_failed:
                self._why_failed = payload.failure.message
            self._total = execution_total(state)
            self._bars.update(self._task, total=self._total)
        self._bars.update(self._task, completed=self._done, note=" · ".join([self._score, *self._spending(state)]))
        self._tell(at, state)

    def _tell(self, at: int, state: State) -> None:
        """Where no bar is drawn, prints how far the step is, at most once in `EVERY_S`, by the times of the events."""
        if not self._bars.disable or at - self._told < EVERY_S * 1_000_000:
            return
        self._told = at
        fresh, seconds = self._done - self._first - self._reused, (at - self._begun) / 1e6
        parts = [f"{self._name}: {self._done:,}" + (f" of {self._total:,}" if self._total else "")]
        parts += [self._score] if self._done else []
        parts += [f"{fresh / seconds:.3g} a second"] if fresh else []
        if fresh and self._total and self._total > self._done:
            parts.append(f"about {formats.duration((self._total - self._done) * seconds / fresh)} left")
        if self._state is not None:
            found = progress(self._state, self._pace, self._tally, self._earlier)
            parts += [one for one in (words.run_time(found, at, at), words.failures(found)) if one]
        self._line(escape(" · ".join([*parts, *self._spending(state)])))

    def heard(self, live_text: LiveText) -> None:
        """Shows the last words of a reply that arrives: in the bar, or in a line where `EVERY_S` have passed."""
        at = time.time_ns() // 1000
        pause = EVERY_S if self._bars.disable else HEARD_S
        if at - self._quoted < pause * 1_000_000 or (said := live_text.now) is None:
            return
        self._told = self._quoted = at
        if not self._bars.disable:
            self._bars.update(self._task, note=escape(plain(said.tail(BAR_WIDTH))))
        else:
            so_far = f"{self._name}: reply of the {ROLES[said.role]}, {plural(said.characters, 'character')} so far"
            self._line(escape(f"{so_far}: {said.tail(LINE_WIDTH)}"))

    def _spending(self, state: State) -> list[str]:
        """What is used of each budget, and the dollars so far where a model is called and there is no cap on them."""
        used = budget.spending(state)
        asks = state.settings.model or state.settings.agent_model or state.spent.usd
        paid = [f"${formats.dollars(state.spent.usd, self._unpriced)}"] if asks and "usd" not in used else []
        return [*paid, *(f"{name} {formats.amount(now)}/{formats.amount(cap)}" for name, (now, cap) in used.items())]

    def _write(self, text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()

    def _line(self, text: str) -> None:
        if self._quiet:
            return
        try:
            self._console.print(plain(text))
            sys.stdout.flush()
        except OSError:  # a full disk, or a reader that has gone: the log is what counts
            self._quiet = True
