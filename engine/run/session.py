"""A run in the hands of its engine: the state and results at the log's end, and the ways to append to it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from domains.contract import Instance
from engine.agents.protocol import Agent
from engine.core.results import Results
from engine.core.state import State, evolve
from engine.events import types as t
from engine.events.event import Event
from engine.events.log import RunLog
from engine.grading.client import Grader
from engine.models.calling import Caller, Served
from engine.run import git_refs
from engine.run.ledger import RunLedger
from engine.run.versions import harness_written, version_of
from engine.sandbox import Isolation
from harness_repo import harness as harnesses
from harness_repo.harness import Harness
from harness_repo.objects import Version
from harness_repo.repository import Repository

Observer = Callable[[Event, State], None]
GROUP_EVENTS = 128
GROUP_S = 0.05


class Ports(msgspec.Struct, frozen=True):
    """Everything outside the log that a run touches, and how many instances it executes at once.

    `task_model` is what `ctx.model` reaches, `agent_model` what Meta- and Feedback-Agent are, `judge` what grades rest
    on. `folder` is the workspace, where adapters and checkpoints of training lie.
    """

    grader: Grader
    repository: Repository
    agent: Agent
    isolation: Isolation
    workers: int
    task_model: Served | None = None
    agent_model: Served | None = None
    judge: Served | None = None
    folder: Path = Path(".sia")


class Run:
    """State and results are always those of the last appended event."""

    def __init__(self, log: RunLog, ports: Ports, observers: Sequence[Observer] = ()) -> None:
        self.log = log
        self.ports = ports
        self.state = State()
        self.results = Results()
        self.probes: list[t.ProbeFinished] = []
        self.tools: dict[tuple[str, int], t.ToolCalled] = {}
        self.checkpoints: list[t.TrainingCheckpointed] = []
        self.reported: dict[int, int] = {}
        self._callers: dict[str, Caller] = {}
        self._evidence: dict[int, list[int]] = {}
        self._observers = observers
        self._waiting: list[tuple[int, t.Payload, list[bytes]]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._broken: Exception | None = None
        self._train: list[Instance] | None = None

    def catch_up(self) -> None:
        """Folds the history that is already in the log; observers are not told."""
        for event in self.log.reader.history(self.log.run):
            self._take(event)

    def _take(self, event: Event) -> None:
        self.state = evolve(self.state, event)
        self.results.add(event)
        if event.type == t.ProbeFinished.type:
            payload = event.payload
            assert isinstance(payload, t.ProbeFinished)  # noqa: S101 - by its type
            self.probes.append(payload)
        elif event.type == t.ToolCalled.type:
            used = event.payload
            assert isinstance(used, t.ToolCalled)  # noqa: S101 - by its type
            self.tools[used.place, used.ordinal] = used
        elif event.type == t.TrainingCheckpointed.type:
            done = event.payload
            assert isinstance(done, t.TrainingCheckpointed)  # noqa: S101 - by its type
            self.checkpoints.append(done)
        elif event.type == t.TrainingProgress.type:
            self.reported[event.generation] = self.reported.get(event.generation, 0) + 1
        elif event.type in (t.ExecutionFinished.type, t.GateDecided.type):
            self._evidence.setdefault(event.generation, []).append(event.n)

    def caller(self, whose: Literal["task", "agent", "judge"]) -> Caller | None:
        """The way to the task agent's model, to the agents' or to the judge; None where the run has none."""
        ports = self.ports
        served = {"task": ports.task_model, "agent": ports.agent_model, "judge": ports.judge}[whose]
        if served is not None and whose not in self._callers:
            self._callers[whose] = Caller(served, RunLedger(self))
        return self._callers.get(whose)

    def evidence(self, generation: int) -> list[int]:
        """The numbers of the events that a decision after `generation` rests on."""
        return self._evidence.get(generation, [])

    def append(
        self, generation: int, *payloads: t.Payload, contents: Sequence[bytes] = (), durable: bool = True
    ) -> None:
        """Appends at once, after whatever was waiting."""
        self.flush()
        self._commit([(generation, payload) for payload in payloads], contents, durable=durable)

    def append_rows(self, rows: Sequence[tuple[int, t.Payload]], contents: Sequence[bytes]) -> None:
        """Appends (generation, payload) rows that stand or fall together."""
        self.flush()
        self._commit(rows, contents, durable=True)

    def stream(self, generation: int, payload: t.Payload, contents: list[bytes]) -> None:
        """Appends in a group, within 50 ms: for results that come in numbers and can be computed again."""
        if self._broken:
            raise self._broken
        self._waiting.append((generation, payload, contents))
        if len(self._waiting) >= GROUP_EVENTS:
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(GROUP_S, self._flush_later)

    def flush(self) -> None:
        """Appends what is waiting."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        waiting, self._waiting = self._waiting, []
        if waiting:
            contents = [content for _, _, group in waiting for content in group]
            self._commit([(generation, payload) for generation, payload, _ in waiting], contents, durable=False)

    def _flush_later(self) -> None:
        self._timer = None
        try:
            self.flush()
        except Exception as error:
            self._broken = error

    def _commit(self, rows: Sequence[tuple[int, t.Payload]], contents: Sequence[bytes], *, durable: bool) -> None:
        for event in self.log.append(rows, contents=contents, durable=durable):
            self._take(event)
            for observe in self._observers:
                observe(event, self.state)

    @property
    def weights(self) -> str | None:
        """The incumbent's adapter, under which a new harness is tried and executed."""
        incumbent = self.state.incumbent
        return self.state.of(incumbent).candidate.weights if incumbent else None

    async def train(self) -> list[Instance]:
        """The instances of `train` with their labels, read once."""
        if self._train is None:
            self._train = await self.ports.grader.instances("train")
        return self._train

    def learns(self, instances: list[Instance]) -> list[Instance]:
        """What of `instances` reaches `ctx.train()`: nothing where every instance stands alone."""
        return instances if self.ports.grader.folder.spec.learns else []

    def files(self, number: int) -> dict[str, bytes]:
        """The files of harness version `number`, from the log."""
        return self.contents(self.state.versions[number])

    def contents(self, version: t.HarnessWritten) -> dict[str, bytes]:
        """The files of a version, whether it is still a candidate or not."""
        return {path: self.log.reader.blob(name) for path, name in version.files.items()}

    def harness(self, number: int) -> Harness:
        """Harness version `number`."""
        return harnesses.parse(self.files(number))

    def write(self, generation: int, version: Version, *, changed: str) -> None:
        """A new harness version: git's objects first, then the event that makes it exist, then the refs."""
        self.ports.repository.write(version)
        event, contents = harness_written(version, changed)
        self.append(generation, event, contents=contents)
        self.point_refs()

    def point_refs(self) -> None:
        """The run's tags and branch, and the notes. Repeating it is harmless; after a crash it mends."""
        state, repository = self.state, self.ports.repository
        wanted = git_refs.wanted(state.name, state)
        for version in (*state.versions.values(), *state.declined):
            if not repository.has(version.commit):  # lost with a machine's power, or with the folder
                repository.write(version_of(version, self.contents(version)))
        for ref, commit in wanted.items():
            repository.point(ref, commit)
        if wanted:
            repository.head(git_refs.branch(state.name))
            git_refs.point_notes(repository, self.log.reader)

    def elapsed(self, since: float) -> float:
        """Wall seconds since a reading of `time.monotonic`."""
        return round(time.monotonic() - since, 3)
