"""A simulated machine: disk, sandboxes, git and a model's server, where something happens at numbered effects.

The engine's code, SQLite and its files are real; the files lie in memory. Each effect has two points, before and after
it. At a point the machine may die, lose its power, or refuse the effect.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import msgspec

from engine.events import log as log_module
from engine.events import tips
from engine.events import types as t
from engine.events.event import Event
from engine.events.log import RunLog
from engine.events.storage import blobs
from engine.events.storage.connection import open_writer, sync_wal
from engine.events.storage.database import Database, sqlite3
from engine.models.protocol import (
    Abilities,
    OnText,
    PermanentError,
    Reply,
    Request,
    RetryableError,
    ScoreReply,
    UnusableReply,
)
from engine.run.workspace import Workspace
from engine.sandbox import (
    Broker,
    CallRefused,
    DiedError,
    Failure,
    Isolation,
    Job,
    Outcome,
    Preparation,
    Program,
    StartError,
)
from engine.sandbox.sandbox import JobResult
from harness_repo.objects import Object, Version, Written, build
from harness_repo.repository import RepositoryError
from tests.simulation.clock import Clock
from tests.simulation.world import World, roll

MEMORY = Path("/dev/shm")  # noqa: S108 - where it is there, a sync costs nothing


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
        self.base = Path(tempfile.mkdtemp(prefix="sia-simulation-", dir=MEMORY if MEMORY.is_dir() else None))
        self.workspace = _Workspace(self.base / "w", self)
        self.repository = Repository(self)
        self.server = Server(self)
        self.count, self.dead, self.buried = 0, False, False
        self.engines = 0
        self.quiet = self.endless = False
        self.person: Callable[[Incident], None] = lambda incident: None
        self.places: list[str] = []
        self.happened: list[str] = []
        self.acknowledged: dict[str, list[str]] = {}
        self.durable: dict[str, int] = {}
        self.deaths, self.cuts, self.faults = 0, 0, 0
        self.oppressed: set[str] = set()
        self._outage: tuple[str, str, int] = ("", "", 0)
        self._connections: list[Any] = []
        self._synced = 0
        self._former_tips: dict[str, bytes] = {}
        self._image = self.base / "image"

    def point(self, place: str, *faults: str) -> str:
        """A point in front of an effect that may meet one of `faults`, or, with none, behind one; says which it meets.

        Raises `Death`.
        """
        if self.dead:
            raise Gone if self.buried else Death
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
        shutil.copytree(self.workspace.path, self._image, ignore=shutil.ignore_patterns("*-shm"))
        self.deaths += 1
        if incident.what == "power":
            self.cuts += 1
            self._forget_unsynced(incident.roll)
        raise Death

    def _forget_unsynced(self, chance: float) -> None:
        """What was not synced may be gone: the end of the WAL, in the middle of a frame; tips; git's objects."""
        wal = self._image / "events.db-wal"
        if wal.exists() and (size := wal.stat().st_size) > self._synced:
            with wal.open("r+b") as file:
                file.truncate(self._synced + int(chance * (size - self._synced)))
        for run, former in self._former_tips.items():
            if (fate := roll(chance, run)) < 0.5:
                (self._image / "tips" / run).write_bytes(former if fate < 0.25 else b"")
        self.repository.forget(chance)

    def bury(self) -> None:
        """Ends what the dead machine left running, and puts its disk in place for the next one."""
        self.buried = True
        for connection in self._connections:
            with contextlib.suppress(sqlite3.Error):
                connection.close()
        self._connections.clear()
        shutil.rmtree(self.workspace.path)
        self._image.rename(self.workspace.path)
        wal = self.workspace.path / "events.db-wal"
        self._synced = min(self._synced, wal.stat().st_size) if wal.exists() else 0
        self._outage = ("", "", 0)
        self._former_tips.clear()
        self.dead = self.buried = False

    def close(self) -> None:
        """Removes all."""
        shutil.rmtree(self.base, ignore_errors=True)

    @contextlib.contextmanager
    def interposed(self) -> Iterator[None]:
        """Within the block logs are written to this machine's disk."""
        append = RunLog.append

        def opened(path: Path) -> Database:
            db = open_writer(path)
            db.execute("PRAGMA wal_autocheckpoint = 0")  # so that what is synced is a length of the WAL
            self._connections.append(db.conn)
            db.conn = Connection(self, db.conn, path)
            return db

        def appended(log: RunLog, *arguments: Any, durable: bool = True, **others: Any) -> list[Event]:
            events = append(log, *arguments, durable=durable, **others)
            self.acknowledge(events, durable=durable)
            return events

        def tip(folder: Path, run: str, written: tips.Tip) -> None:
            if self.point("tip", "full"):
                raise OSError(errno.ENOSPC, "No space left on device")
            path = folder / run
            self._former_tips[run] = path.read_bytes() if path.exists() else b""
            write_tip(folder, run, written)
            self.point("tip written")

        def synced(path: Path) -> None:
            if self.point("sync", "error"):
                raise OSError(errno.EIO, "Input/output error")
            sync_wal(path)
            self.sync(path)

        write_tip = tips.write
        with (
            mock.patch.object(log_module, "open_writer", opened),
            mock.patch.object(log_module, "sync_wal", synced),
            mock.patch.object(tips, "write", tip),
            mock.patch.object(RunLog, "append", appended),
            mock.patch.object(log_module, "PATIENCE_S", 0.0),  # the lock waits by a clock of its own, in vain
        ):
            yield

    def sync(self, path: Path) -> None:
        """What the WAL holds now is on the disk."""
        wal = path.with_name(path.name + "-wal")
        self._synced = wal.stat().st_size if wal.exists() else 0

    def acknowledge(self, events: Sequence[Event], *, durable: bool) -> None:
        """The engine was told that `events` are in the log."""
        for event in events:
            kept = self.acknowledged.setdefault(event.run, [])
            kept.append(event.hash)
            if isinstance(event.payload, t.ModelCalled):
                self.server.recorded.add(event.payload.request)
        if durable:
            self.durable = {run: len(kept) for run, kept in self.acknowledged.items()}


class Connection:
    """An SQLite connection of the writer, whose commits are effects."""

    def __init__(self, machine: Machine, real: Any, path: Path) -> None:
        self._machine, self._real, self._path, self._durable = machine, real, path, False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def execute(self, sql: str, *parameters: Any) -> Any:
        machine = self._machine
        if machine.dead and sql != "ROLLBACK":
            raise Gone if machine.buried else Death
        if sql.startswith("PRAGMA synchronous"):
            self._durable = sql.endswith("FULL")
        if sql == "BEGIN IMMEDIATE" and machine.point("begin", "locked"):
            raise sqlite3.OperationalError("database is locked")
        if sql != "COMMIT":
            return self._real.execute(sql, *parameters)
        if fault := machine.point("commit", "database or disk is full", "disk I/O error"):
            raise sqlite3.OperationalError(fault)
        done = self._real.execute(sql)
        if self._durable:
            machine.sync(self._path)
        machine.point("committed")
        return done


class _Workspace(Workspace):
    def __init__(self, path: Path, machine: Machine) -> None:
        super().__init__(path)
        self._machine = machine

    def repository(self) -> Any:
        return self._machine.repository


class Repository:
    """The harness versions; it stands for `harness_repo.repository.Repository`."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._objects: dict[str, None] = {}
        self._refs: dict[str, str] = {}

    def write(self, version: Version) -> Written:
        written = build(version)
        self.store(written.objects)
        return written

    def store(self, objects: Iterable[Object]) -> None:
        if self._machine.point("store", "full"):
            raise OSError(errno.ENOSPC, "No space left on device")
        self._objects |= dict.fromkeys(one.id for one in objects)
        self._machine.point("stored")

    def has(self, object_id: str) -> bool:
        return object_id in self._objects

    def update(self, refs: Mapping[str, str | None], before: Mapping[str, str]) -> None:
        changes = {ref: commit for ref, commit in refs.items() if commit != before.get(ref)}
        if not changes:
            return
        if self._machine.point("refs", "cannot lock ref: File exists"):
            raise RepositoryError("cannot lock ref: File exists")
        for ref, commit in changes.items():
            if self._refs.get(ref) != before.get(ref):
                raise RepositoryError(f"{ref} has moved")
            if commit is not None and commit not in self._objects:
                raise RepositoryError(f"{commit} is not there")
        for ref, commit in changes.items():
            if commit is None:
                self._refs.pop(ref, None)
            else:
                self._refs[ref] = commit
        self._machine.point("pointed")

    def head(self, ref: str) -> None:
        pass

    def refs(self, within: str = "refs/") -> dict[str, str]:
        if self._machine.point("read refs", "fork: Cannot allocate memory"):
            raise RepositoryError("fork: Cannot allocate memory")
        return {ref: commit for ref, commit in self._refs.items() if ref.startswith(within)}

    @property
    def shown(self) -> dict[str, str]:
        """All refs, as nobody reads them: for the model."""
        return dict(self._refs)

    def forget(self, chance: float) -> None:
        """A power cut: the last objects are lost."""
        for name in list(self._objects)[len(self._objects) - int(4 * chance) :]:
            del self._objects[name]


class Server:
    """The server of every model. `recorded` are the requests whose replies the engine has put into its log."""

    weights = "simulated"
    abilities = Abilities()

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self.recorded: set[str] = set()
        self.billed: list[tuple[str, int]] = []
        self.twice: list[str] = []

    async def chat(self, request: Request, on_text: OnText | None = None) -> Reply:
        name = blobs.digest(msgspec.json.encode(request, order="deterministic"))
        if name in self.recorded and self._machine.engines == 1:  # two of a lineage may ask at the same time
            self.twice.append(request.messages[-1].text)
        faults = ("overloaded", "error", "cut", "cut and silent", "key refused")
        fault = self._machine.point("send", *faults)
        await asyncio.sleep(0.01 + 0.2 * roll(name))
        if fault in faults[:2]:
            raise RetryableError(fault, status=529 if fault == "overloaded" else 500)
        if fault == "key refused":
            raise PermanentError("the key is not valid", "check it", status=401)
        reply = self._machine.world.reply(request)
        if fault:
            usage = reply.usage if fault == "cut" else None
            self.billed.append((name, -1 if usage is None else usage.total))
            raise UnusableReply(f"the reply was {fault}", b'{"text": "7', usage)
        self.billed.append((name, reply.usage.total))
        self._machine.point("answered")
        return reply

    async def score(self, prompt: str, continuations: Sequence[str], *, adapter: str | None = None) -> ScoreReply:
        raise PermanentError("no scores", "use chat")

    async def close(self) -> None:
        pass


class Box:
    """A sandbox whose harness asks the model once."""

    def __init__(self, machine: Machine, program: Program, broker: Broker) -> None:
        self._machine, self._program, self._broker = machine, program, broker
        self.prepared = Preparation(None, 0.1, 0.1, "")
        self.cause: Failure | None = None

    async def run(self, job: Job) -> JobResult:
        machine, skill = self._machine, int(self._program.params["skill"])
        fault = machine.point("solve", "killed from outside", "out of memory")
        await asyncio.sleep(0.02 * roll(job.key, skill))
        if fault:
            self.cause = Failure("resource" if "memory" in fault else "infrastructure", fault)
            if "memory" not in fault or job.key not in machine.oppressed:
                machine.oppressed.add(job.key)
                raise DiedError(self.cause, unclear=True)
            self.cause = None  # it was the machine's, not the harness's: alone there is room
        if machine.world.fails(job.data, skill):
            return JobResult(_outcome(job, None, Failure("candidate", "ValueError")), False)
        asked = {"messages": [f"solve {job.data} {skill}"], "max_tokens": 16}
        try:
            reply = await self._broker.call(job.key, "model.chat", asked, 0)
        except CallRefused as error:
            return JobResult(_outcome(job, None, Failure("model", str(error))), False)
        machine.point("solved")
        return JobResult(_outcome(job, int(reply["text"]), None), False)

    async def close(self) -> None:
        pass


def starter(machine: Machine) -> Any:
    """What starts sandboxes on that machine."""

    async def start(program: Program, isolation: Isolation, broker: Broker) -> Box:
        if machine.point("start", "fork: Resource temporarily unavailable"):
            raise StartError("fork: Resource temporarily unavailable")
        return Box(machine, program, broker)

    return start


def _outcome(job: Job, answer: Any, failure: Failure | None) -> Outcome:
    return Outcome(job.key, answer, failure, 0.01, 0.02, "")
