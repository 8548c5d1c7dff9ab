"""A simulated machine: disk, sandboxes, git and a model's server, where something happens at numbered effects.

The engine's code, SQLite and its files are real; the files lie in memory. Each effect has two points, before and after
it. At a point the machine may die, lose its power, or refuse the effect.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from engine.events.event import Event
from engine.run.workspace import Workspace
from tests.simulation.clock import Clock
from tests.simulation.disk import Disk
from tests.simulation.git import Repository
from tests.simulation.server import Server
from tests.simulation.world import World

MANY = 30_000
"""No history has so many effects."""


class Death(SystemExit):
    """The machine dies now. asyncio hands it on at once, and no code of ours catches it."""


class Gone(Exception):
    """There is no machine any more: what still runs has no effect."""


class Incident(NamedTuple):
    """`what` happens at the effect number `at`; `roll` in [0, 1) chooses among its forms."""

    at: int
    what: str
    roll: float


class Machine:
    """One workspace, and all that is outside of the engine. `acknowledged` is what the engine was told is kept."""

    def __init__(self, world: World, incidents: Iterable[Incident] = ()) -> None:
        self.world, self.clock = world, Clock()
        self._incidents = {one.at: one for one in incidents}
        self.disk = Disk(self)
        self.workspace = _Workspace(self.disk.path, self)
        self.repository = Repository(self)
        self.server = Server(self)
        self.count, self.dead, self.buried = 0, False, False
        self.quiet = self.endless = False
        self.person: Callable[[Incident], None] = lambda incident: None
        self.places: list[str] = []
        self.happened: list[str] = []
        self.acknowledged: dict[str, list[str]] = {}
        self.durable: dict[str, int] = {}
        self.deaths, self.cuts, self.faults = 0, 0, 0
        self.tried: set[tuple[str, int]] = set()
        self._outage: tuple[str, str, int] = ("", "", 0)

    @property
    def end(self) -> type[BaseException]:
        """What ends the code that reaches an effect of a machine that is dead."""
        return Gone if self.buried else Death

    def point(self, place: str, *faults: str) -> str:
        """A point in front of an effect that may meet one of `faults`, or, with none, behind one; says which it meets.

        Raises `Death`.
        """
        if self.dead:
            raise self.end
        self.count += 1
        self.places.append(place)
        if self.count > MANY:
            self.dead = self.endless = True
            raise Death
        down, fault, until = self._outage
        if self.quiet:
            return ""
        incident = self._incidents.get(self.count)
        if incident is None:
            return fault if down == place and self.count <= until else ""
        self.happened.append(f"{self.count} {incident.what} at {place}")
        match incident.what:
            case "kill" | "power":
                self._die(incident)
            case "fault" | "outage" if faults:
                fault = faults[int(incident.roll * len(faults))]
                self.faults += 1
                self.happened[-1] += f": {fault}"
                if incident.what == "outage":
                    self._outage = (place, fault, self.count + 4 + int(40 * incident.roll))
                return fault
            case "fault" | "outage":
                pass
            case _:
                self.person(incident)
        return ""

    def _die(self, incident: Incident) -> None:
        self.dead = True
        self.disk.keep()
        self.deaths += 1
        if incident.what == "power":
            self.cuts += 1
            self.disk.forget_unsynced(incident.roll)
            self.repository.forget(incident.roll)
        raise Death

    def bury(self) -> None:
        """Ends what the dead machine left running, and puts its disk in place for the next one."""
        self.buried = True
        self.disk.restore()
        self.server.die()
        self._outage = ("", "", 0)
        self.dead = self.buried = False

    def acknowledge(self, events: Sequence[Event], *, durable: bool) -> None:
        """The engine was told that `events` are in the log."""
        for event in events:
            self.acknowledged.setdefault(event.run, []).append(event.hash)
            self.server.acknowledge(event)
        if durable:
            self.durable = {run: len(kept) for run, kept in self.acknowledged.items()}


class _Workspace(Workspace):
    def __init__(self, path: Path, machine: Machine) -> None:
        super().__init__(path)
        self._machine = machine

    def repository(self) -> Any:
        return self._machine.repository
