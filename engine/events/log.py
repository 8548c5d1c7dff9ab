"""Appends to the log. One engine a run, by an OS lock; an engine that was displaced is fenced by an epoch.

What `append` has returned is in the file. `durable` additionally waits for the disk; results that cost money and
decisions are durable, what streams is committed in groups. The commit is the last thing that can fail in an append: a
tip that cannot be written then is written with a later one.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import filelock

from engine import containment
from engine.errors import SiaError
from engine.events import losses, rows, tips, types
from engine.events.codec import encode
from engine.events.event import GENESIS, Event, chain_hash
from engine.events.reader import Reader
from engine.events.storage import blobs
from engine.events.storage.connection import explained, open_writer, sync_wal, transaction
from engine.events.storage.database import Database

Clock = Callable[[], int]
PATIENCE_S = 0.3
"""The wait for a run's lock, in seconds: a check whether the run is held takes the lock for an instant."""


def now() -> int:
    """Microseconds since 1970, in UTC."""
    return time.time_ns() // 1000


def steady_now() -> int:
    """Microseconds since some moment, by a clock that neither jumps nor runs while the machine sleeps."""
    return time.monotonic_ns() // 1000


class Fenced(SiaError):
    """Another engine has taken the run over."""


class Held(SiaError):
    """Another engine is working on the run."""


class RunLog:
    """The right to append to one run, from `hold` to `close`.

    Events have the time of day at which they are appended. While `working`, they have that of the work's beginning, and
    what has passed since: the work's duration is right, also where the time of day was set or the machine slept.
    """

    def __init__(self, db: Database, workspace: Path, run: str, lock: filelock.BaseFileLock, clock: Clock) -> None:
        self.db = db
        self.run = run
        self.reader = Reader(db, workspace / "events.db")
        self._tips = workspace / "tips"
        self._lock = lock
        self.working = False
        self._clock, self._origin = clock, 0
        self._n, self._hash = 0, GENESIS
        self._epoch = self._take_epoch()
        head = self.reader.head(run)
        self._begun = head is not None
        self.late = ""
        """What could not be done after the last commit, in a sentence; nothing where all was done."""
        if head is not None:
            self._n, self._hash = head.n, head.hash

    @classmethod
    def hold(cls, workspace: Path, run: str, clock: Clock = now, *, accept_loss: bool = False) -> RunLog:
        """Takes the lock of a run, new or existing; raises `Held` where another engine has it.

        Raises `Lost`, and writes nothing, where the run has lost events, unless it is held to `accept_loss`.
        """
        lock = _lock(workspace, run, PATIENCE_S)
        with contextlib.ExitStack() as undo:
            undo.callback(lock.release)
            if not accept_loss and tips.read(workspace / "tips", run) is not None:
                with contextlib.closing(Reader.open(workspace / "events.db")) as reader:
                    losses.check_whole(reader, workspace / "tips", run)
            db = open_writer(workspace / "events.db")
            undo.callback(db.close)
            log = cls(db, workspace, run, lock, clock)
            if accept_loss:
                log._begun = False  # the tip is ahead, and says so until the acceptance is in the log
            undo.pop_all()
        return log

    def fork_from(self, parent: Event) -> None:
        """Makes the next event, a `run.forked`, chain to `parent`."""
        self._n, self._hash = parent.n, parent.hash

    def _take_epoch(self) -> int:
        with explained(self.reader.path), transaction(self.db, durable=True) as connection:
            return raise_epoch(connection, self.run)

    def append(
        self,
        payloads: Sequence[tuple[int, types.Payload]],
        *,
        contents: Sequence[bytes] = (),
        durable: bool = True,
        guard: Callable[[], None] | None = None,
    ) -> list[Event]:
        """Appends (generation, payload) `payloads` and the blobs `contents` in one transaction.

        Nothing is appended where `guard` raises, which may read the log as no other process can change it now.
        Raises `Fenced` for a displaced engine.
        """
        events: list[Event] = []
        n, prev = self._n, self._hash
        with explained(self.reader.path), transaction(self.db, durable=durable) as connection:
            (epoch,) = connection.execute("SELECT epoch FROM engines WHERE run = ?", (self.run,)).fetchone()
            if epoch != self._epoch:
                raise Fenced("another engine has taken this run over", "watch it with `sia log --follow`")
            if guard is not None:
                guard()
            for content in contents:
                blobs.put(connection, content)
            for generation, payload in payloads:
                n += 1
                stored, at = encode(payload), self._now()
                name = chain_hash(prev, self.run, n, payload.type, payload.version, at, generation, stored)
                row = (self.run, n, payload.type, payload.version, at, generation, stored, prev, name)
                events.append(rows.insert(connection, row, payload))
                prev = name
        self._n, self._hash, self._begun = n, prev, True
        if durable:
            self._write_tip()
        return events

    def _now(self) -> int:
        steady = steady_now()
        if not self.working:
            self._origin = self._clock() - steady
        return self._origin + steady

    def _write_tip(self) -> None:
        try:
            tips.write(self._tips, self.run, tips.Tip(self._n, self._hash))
            self.late = ""
        except (OSError, SiaError) as error:
            self.late = f"the tip of the run could not be written ({error}): its next event puts this right"

    def close(self) -> None:
        """Writes the tip, as far as that is possible, and releases the lock."""
        try:
            if self._begun:
                with contextlib.suppress(OSError):  # then the tip stays behind, at what is on the disk
                    sync_wal(self.reader.path)
                    self._write_tip()
            self.db.close()
        finally:
            self._lock.release()


def raise_epoch(connection: Any, run: str) -> int:
    """Raises the epoch of a run inside the caller's transaction: engines of earlier epochs can no longer append."""
    connection.execute(
        "INSERT INTO engines VALUES (?, 1) ON CONFLICT (run) DO UPDATE SET epoch = abs(epoch) + 1", (run,)
    )
    (epoch,) = connection.execute("SELECT epoch FROM engines WHERE run = ?", (run,)).fetchone()
    return int(epoch)


@contextlib.contextmanager
def holding(workspace: Path, runs: Iterable[str]) -> Iterator[None]:
    """Holds the locks of all `runs`; raises `Held`, and holds none, where an engine works on one of them."""
    with contextlib.ExitStack() as held:
        for run in sorted(runs):
            held.callback(_lock(workspace, run, PATIENCE_S).release)
        yield


def is_held(workspace: Path, run: str) -> bool:
    """Whether an engine holds the run at this moment."""
    try:
        if not containment.inside(workspace, "locks", run).exists():
            return False
        _lock(workspace, run).release()
    except Held:
        return True
    except SiaError:
        return False  # no engine can work in a folder that cannot be written
    return False


def _lock(workspace: Path, run: str, patience_s: float = 0.0) -> filelock.BaseFileLock:
    folder = workspace / "locks"
    file = containment.inside(workspace, "locks", run)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(file, timeout=patience_s, poll_interval=0.01)
        lock.acquire()
    except filelock.Timeout:
        raise Held(
            "another engine is working on this run", "watch it with `sia log --follow`, or `sia pause` it"
        ) from None
    except OSError as error:
        raise SiaError(
            f"{folder} cannot be written ({error.strerror})", "choose another folder with --workspace"
        ) from None
    return lock
