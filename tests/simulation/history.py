"""A history: engines live and die on a simulated machine, persons interfere, until every run has come to its end."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import random
import secrets
from collections.abc import Callable
from typing import Any, NamedTuple

from msgspec.structs import replace

from engine.core.state import fold
from engine.errors import SiaError
from engine.events import types as t
from engine.events.log import Held, RunLog
from engine.events.losses import Lost
from engine.loop.control_socket import Approval, Control
from engine.loop.driver import drive
from engine.loop.fork import ForkPlan, fork
from engine.loop.launch import take_up
from engine.models.calling import CallPolicy, PricedModel
from engine.run.live_run import Ports, Run, folded
from engine.sandbox import Isolation
from tests.simulation.boxes import starter
from tests.simulation.clock import Clock, Loop, Stuck, simulated
from tests.simulation.machine import Death, Gone, Incident, Machine
from tests.simulation.model import Violation, check_end, check_kept, told
from tests.simulation.server import Line
from tests.simulation.world import COUNT, PLAIN, Agent, Grader, World, price

LIVES, FORKS = 400, 2  # an engine that finds its disk locked ends after one effect; eight outages last 350
KINDS = {
    "kill": 6, "power": 3, "fault": 10, "outage": 2, "pause": 2, "stop": 1,
    "fork": 2, "branch": 1, "raise": 1, "rival": 1, "takeover": 1,
}  # fmt: skip
"""What may happen, and how often."""
PERSONS = ("fork", "branch", "raise")
"""What changes what is decided."""


class History(NamedTuple):
    """A world, and what happens in it; the same history always passes in the same way."""

    world: int
    incidents: tuple[Incident, ...] = ()


class Passed(NamedTuple):
    """What a history came to: the places of its effects, how many deaths it had, and the story of its first run."""

    places: list[str]
    deaths: int
    story: list[Any]


def generated(seed: int) -> History:
    """The history of a seed. Each has some kinds of incidents only, so that no kind hides another."""
    dice = random.Random(seed)
    large = dice.random() < 0.15  # with a reserve: they are a third longer
    world = dice.randrange(PLAIN, COUNT) if large else dice.randrange(PLAIN)
    kinds = dice.sample(list(KINDS), dice.randint(1, 4), counts=list(KINDS.values()))
    points = int(1.3 * len(calm(world).places))
    count = min(points, dice.choice((1, 2, 3, 5, 8)))
    places = sorted(dice.sample(range(1, points + 1), count))
    return History(world, tuple(Incident(at, dice.choice(kinds), round(dice.random(), 6)) for at in places))


@functools.cache
def calm(world: int) -> Passed:
    """The history of a world in which nothing happens."""
    return _play(History(world))


def play(history: History) -> Passed:
    """Plays a history to its end; raises `Violation`, or what an engine raised that it should not have."""
    passed = _play(history)
    capped = World(history.world).settings.budget
    unequal = any(one.what in PERSONS for one in history.incidents) or capped.tokens or capped.usd
    if not unequal and (expected := calm(history.world).story) != passed.story:
        wrong = next((pair for pair in zip(passed.story, expected) if pair[0] != pair[1]), None)  # noqa: B905
        raise Violation(f"the run is not as in calm: {wrong or 'it has another length'}")
    return passed


def shrunk(history: History, fails: Callable[[History], bool]) -> History:
    """The history without the incidents that it does not need to fail."""
    for one in history.incidents:
        less = history._replace(incidents=tuple(other for other in history.incidents if other != one))
        if fails(less):
            history = less
    return history


def _play(history: History) -> Passed:
    player = _Player(history)
    try:
        with simulated(player.machine.clock, history.world), player.machine.disk.interposed():
            return player.play()
    finally:
        player.machine.disk.remove()


class _Player:
    def __init__(self, history: History) -> None:
        self.world = World(history.world)
        self.machine = Machine(self.world, history.incidents)
        self.machine.person = self._interfere
        self._controls: dict[str, Control] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._raises: set[str] = set()
        self._displaced: set[str] = set()
        self._forks = 0
        self._wrong: list[str] = []

    def _ports(self, line: Line) -> Ports:
        served = PricedModel(line, price, CallPolicy(max_concurrent=8, attempts=3))
        return Ports(
            Grader(self.world),  # type: ignore[arg-type]
            self.machine.repository,  # type: ignore[arg-type]
            Agent(self.world),
            Isolation("full", "real"),
            self.world.workers,
            task_model=served,
            agent_model=served if self.world.consults else None,
            folder=self.machine.workspace.path,
            start=starter(self.machine),
        )

    def play(self) -> Passed:
        machine = self.machine
        machine.workspace.path.mkdir()
        for _ in range(LIVES):
            deaths, cuts = machine.deaths, machine.cuts
            self._live()
            check_kept(machine, power=machine.cuts > cuts)
            if wrong := self._wrong + machine.server.wrong:
                raise Violation("; ".join(wrong))
            if machine.deaths == deaths and self._unfinished() == []:
                break
        else:
            raise Violation(f"the run never ends: {machine.happened[-5:]}")
        machine.quiet = True
        root = self._close()
        check_end(machine)
        return Passed(machine.places, machine.deaths, told(machine, root))

    def _live(self) -> None:
        """One life of the machine: every run that has not ended is taken up."""
        machine = self.machine
        with asyncio.Runner(loop_factory=lambda: _quiet(machine.clock)) as runner:
            try:
                runner.run(self._engines())
            except Death:
                machine.buried = True
                if machine.endless:
                    raise Violation("the run never ends: its effects are without number") from None
            except Stuck as error:
                raise Violation(str(error)) from None
        self._tasks.clear()
        self._controls.clear()
        if machine.dead:
            machine.bury()

    async def _engines(self) -> None:
        for run in self._unfinished():
            self._begin(run)
        while self._tasks:
            done, _ = await asyncio.wait(set(self._tasks), return_when=asyncio.FIRST_COMPLETED)
            self._tasks -= done  # a fork may have begun meanwhile
            for task in done:
                task.result()

    def _begin(self, run: str) -> None:
        self._tasks.add(asyncio.ensure_future(self._engine(run)))

    def _unfinished(self) -> list[str]:
        """The runs that a person goes on with; an empty name is the run that has not begun."""
        if not self.machine.workspace.log.exists():
            return [""]
        with contextlib.closing(self.machine.workspace.reader()) as reader:
            if not reader.runs():
                return [""]
            return [row.run for row in reader.runs() if row.status != "finished" or row.run in self._raises]

    async def _engine(self, name: str) -> None:
        try:
            log = RunLog.hold(self.machine.workspace.path, name or secrets.token_hex(4))
        except Lost:
            raise
        except SiaError as error:
            self.machine.happened.append(f"not held: {error}")
            return
        control, line, interrupted = Control(), self.machine.server.line(), False
        self.machine.server.connect(log.run, line)
        try:
            run = Run(log, self._ports(line), history=folded(log) if name else None)
            if name:
                self._take_up(run)
            else:
                run.append(0, self.world.started)
            self._controls[log.run] = control
            self._displaced.discard(log.run)
            answering = asyncio.ensure_future(self._answer(run, control))
            try:
                await drive(run, control)
            finally:
                answering.cancel()
        except SiaError as error:
            self.machine.happened.append(f"ended: {error}")
            interrupted = True  # the sentence is said, and the run can be resumed
        finally:
            self._controls.pop(log.run, None)
            if not self.machine.dead:
                self.machine.server.disconnect(log.run, interrupted=interrupted or control.request is not None)
                log.close()

    def _take_up(self, run: Run) -> None:
        with contextlib.closing(self.machine.workspace.reader()) as reader:
            row = reader.find(run.log.run)
        settings = None
        if run.log.run in self._raises:
            settings = replace(run.state.settings, generations=run.state.settings.generations + 1)
        take_up(run, row, t.RunResumed({}, {}, settings))
        self._raises.discard(run.log.run)

    async def _answer(self, run: Run, control: Control) -> None:
        """A person who answers whenever a candidate waits."""
        while run.state.n == 0 or run.state.settings.approve != "none":
            await asyncio.sleep(0.2)
            if run.state.awaiting is not None:
                commit = run.state.versions[run.state.awaiting].commit
                control.approvals.put_nowait(Approval(self.world.word(commit), "ada", commit=commit))

    def _interfere(self, incident: Incident) -> None:
        """What a person does, at the next opportunity."""
        if self._controls:
            run = sorted(self._controls)[int(incident.roll * len(self._controls))]
            asyncio.get_running_loop().call_soon(self._command, incident, run)

    def _command(self, incident: Incident, run: str) -> None:
        what, path = incident.what, self.machine.workspace.path
        match what:
            case "pause" | "stop":
                if control := self._controls.get(run):
                    control.ask("pause" if what == "pause" else "stop", "ada")
            case "raise":
                self._raises.add(run)
            case "rival":
                with contextlib.suppress(Held):
                    RunLog.hold(path, run).close()
                    if run in self._controls and run not in self._displaced:
                        self._wrong.append("two engines hold one run")
            case "takeover":
                self.machine.disk.locks.pop(run, None)  # a file system that keeps no locks
                with contextlib.suppress(SiaError), contextlib.closing(RunLog.hold(path, run)) as log:
                    self._displaced.add(run)
                    log.append([(0, t.RunNoted("taken over"))])
            case _:
                self._fork(run, incident.roll, branch=what == "branch")

    def _fork(self, run: str, chance: float, *, branch: bool) -> None:
        workspace = self.machine.workspace
        if self._forks >= FORKS:
            return
        with contextlib.suppress(SiaError):
            with contextlib.closing(workspace.reader()) as reader:
                row = reader.find(run)
                verdicts = [e for e in reader.history(run) if e.type == t.GateDecided.type]
                settings = fold(reader.history(run)).settings
            plan = ForkPlan(run, 1 + int(chance * row.head_n))
            if branch and verdicts:  # another way from there, by another seed
                chosen = verdicts[int(chance * len(verdicts))]
                other = replace(settings, seed=1 + self._forks)
                plan = ForkPlan(run, chosen.n, branch=chosen.generation, settings=other)
            child = fork(workspace, plan)
            self._forks += 1
            self._begin(child)

    def _close(self) -> str:
        """Opens and closes every run, so that what was late is put right; returns the first run."""
        with contextlib.closing(self.machine.workspace.reader()) as reader:
            rows = reader.runs()
        for row in rows:
            with contextlib.closing(RunLog.hold(self.machine.workspace.path, row.run)) as log:
                take_up(Run(log, self._ports(self.machine.server.line()), history=folded(log)), row, None)
        return rows[0].run


def _quiet(clock: Clock) -> Loop:
    loop = Loop(clock)
    loop.set_exception_handler(_report)
    return loop


def _report(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """A task of a machine that is gone has no error to report."""
    if not isinstance(context.get("exception"), Gone | Death):
        loop.default_exception_handler(context)
