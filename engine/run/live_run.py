"""A live run: its state at the end of the log, and how to append to it. What else a step uses are its parts.

Nothing that follows a commit ends a step: not the tip, not git's refs and notes, not an observer. `late` says what is
still to be repaired.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from engine.agents.protocol import Agent, PastGeneration
from engine.core.effects import Effects
from engine.core.results import Results
from engine.core.state import State, evolve
from engine.events import types as t
from engine.events.event import Event
from engine.events.log import RunLog
from engine.grading.client import Grader
from engine.grading.live_work import LiveWork, Work
from engine.models.calling import PricedModel
from engine.models.live_text import LiveText
from engine.run.account import LineageAccount
from engine.run.domain_session import DomainSession
from engine.run.git_refs import GitRefs
from engine.run.group_commit import GroupCommit, Row
from engine.run.ledger import RunLedger
from engine.run.models import Callers
from engine.run.reuse import Reuse
from engine.run.versions import Versions
from engine.sandbox import Isolation, Sandbox, Start
from harness_repo.repository import Repository

Observer = Callable[[Event, State], None]


class Ports(msgspec.Struct, frozen=True):
    """Everything outside the log that a run touches, and how many instances it executes at once.

    `task_model` is what `ctx.model` reaches, `agent_model` what Meta- and Feedback-Agent are, `judge` what grades rest
    on. `folder` is the workspace, where adapters and checkpoints of training lie. `start` starts a sandbox.
    """

    grader: Grader
    repository: Repository
    agent: Agent
    isolation: Isolation
    workers: int
    task_model: PricedModel | None = None
    agent_model: PricedModel | None = None
    judge: PricedModel | None = None
    folder: Path = Path(".sia")
    start: Start = Sandbox.start


class Folded(NamedTuple):
    """What follows from a run's history."""

    state: State
    results: Results
    effects: Effects

    def and_then(self, event: Event) -> Folded:
        """The same after one more event. Results and effects are added to, not copied."""
        self.results.add(event)
        self.effects.add(event)
        return self._replace(state=evolve(self.state, event))


def folded(log: RunLog) -> Folded:
    """What follows from the history that is in the log."""
    found = Folded(State(), Results(), Effects())
    for event in log.reader.history(log.run):
        found = found.and_then(event)
    return found


class Run:
    """State, results and effects are always those of the last appended event."""

    def __init__(
        self, log: RunLog, ports: Ports, observers: Sequence[Observer] = (), *, history: Folded | None = None
    ) -> None:
        """`history` is what `folded` has found; without it, the run is new, or `catch_up` is called next."""
        self.log, self.ports = log, ports
        self.state, self.results, self.effects = history or Folded(State(), Results(), Effects())
        self.past: list[PastGeneration] = []
        """The judged generations as agents see them, as far as a step has made them."""
        self._observers = list(observers)
        self._blind = ""
        self._group = GroupCommit(self._commit)

        self.domain = DomainSession(ports.grader)
        self.account = LineageAccount(log.reader, log.run)
        self.reuse = Reuse(log.reader, log.run, ports.folder)
        ledger = RunLedger(self, log.reader, self.reuse)
        self.live_text = LiveText()
        self.live_work = LiveWork()
        self.callers = Callers.of(ledger, ports.task_model, ports.agent_model, ports.judge)
        self.versions = Versions(self, log.reader, ports.repository)
        self.refs = GitRefs(self.versions, log.reader, ports.repository)

    def catch_up(self) -> None:
        """Folds the history that is already in the log, without the observers."""
        self.state, self.results, self.effects = folded(self.log)

    def append(
        self,
        generation: int,
        *payloads: t.Payload,
        contents: Sequence[bytes] = (),
        durable: bool = True,
        guard: Callable[[], None] | None = None,
    ) -> None:
        """Appends events of one generation at once, after whatever was waiting; `guard` as in `RunLog.append`."""
        self._group.flush()
        self._commit([(generation, payload) for payload in payloads], contents, durable=durable, guard=guard)

    def append_rows(self, rows: Sequence[Row], contents: Sequence[bytes]) -> None:
        """Appends rows of several generations in one transaction."""
        self._group.flush()
        self._commit(rows, contents, durable=True)

    def stream(self, generation: int, payload: t.Payload, contents: Sequence[bytes]) -> None:
        """Appends within 50 ms, together with others: for results that come in numbers and can be computed again."""
        self._group.add((generation, payload), contents)

    async def append_together(
        self, generation: int, payload: t.Payload, contents: Sequence[bytes], more: Callable[[], bool]
    ) -> None:
        """As `Journal.append_together`: events that come in numbers wait for the disk once."""
        await self._group.add_durably((generation, payload), contents, more)

    def flush(self) -> None:
        """Appends what is waiting; like all that appends, it raises if a former group could not be appended."""
        self._group.flush()

    def end_failed_step(self, generation: int, failed: t.StepFailed, contents: Sequence[bytes] = ()) -> None:
        """Appends the failure of a step, after what is waiting; what could not be appended is lost with the step."""
        with contextlib.suppress(Exception):  # the step has failed already
            self._group.flush()
        self._group.forget_failure()
        self.append(generation, failed, contents=contents)

    def _commit(
        self,
        rows: Sequence[Row],
        contents: Sequence[bytes],
        *,
        durable: bool,
        guard: Callable[[], None] | None = None,
    ) -> None:
        for event in self.log.append(rows, contents=contents, durable=durable, guard=guard):
            self._fold(event)
            self._show(event)
        self.log.working = self.state.open_step is not None

    def _show(self, event: Event) -> None:
        """Calls the observers; one that fails is not called again."""
        for observe in list(self._observers):
            try:
                observe(event, self.state)
            except Exception as error:
                self._observers.remove(observe)
                self._blind = f"the run was no longer shown after event {event.n} ({type(error).__name__}: {error})"

    @property
    def work(self) -> Work:
        """What the open step does at this moment, as far as no event says it."""
        return self.live_work.with_calls(self.callers.in_flight)

    @property
    def late(self) -> list[str]:
        """What failed after a commit and is not yet repaired, in sentences."""
        return [text for text in (self.log.late, self.refs.late, self._blind) if text]

    def _fold(self, event: Event) -> None:
        self.state, *_ = Folded(self.state, self.results, self.effects).and_then(event)
