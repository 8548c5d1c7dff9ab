"""The disk of a simulated machine: SQLite and the files of a workspace, in memory, whose commits and syncs are effects.

A death keeps the files as they are at that moment. A power cut also forgets what was not synced.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

from engine import containment, keys, trust
from engine.events import log as log_module
from engine.events import reader, tips
from engine.events.event import Event
from engine.events.log import RunLog
from engine.events.storage import schema
from engine.events.storage.connection import open_writer, sync_wal
from engine.events.storage.database import Database
from engine.sandbox import session
from harness_repo import harness
from harness_repo.harness import Harness
from tests.simulation.connections import Connections
from tests.simulation.small_files import Lock, Tips

if TYPE_CHECKING:
    from tests.simulation.machine import Machine

MEMORY = Path("/dev/shm")  # noqa: S108 - where it is there, a sync costs nothing


class Disk:
    """The files of one workspace, at `path`."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self._base = Path(tempfile.mkdtemp(prefix="sia-simulation-", dir=MEMORY if MEMORY.is_dir() else None))
        self.path = self._base / "w"
        self._image = self._base / "image"
        self._connections = Connections(self)
        self._wal = f"{self.path}/events.db-wal"
        self._synced = 0
        self.tips = Tips()
        self.locks: dict[str, Lock] = {}

    def keep(self) -> None:
        """Keeps the files as they are now: what is written afterwards is lost."""
        shutil.copytree(self.path, self._image, ignore=shutil.ignore_patterns("*-shm"))
        self.tips.keep()

    def forget_unsynced(self, chance: float) -> None:
        """What was not synced may be gone: the end of the WAL, in the middle of a frame; tips."""
        wal = self._image / "events.db-wal"
        if wal.exists() and (size := wal.stat().st_size) > self._synced:
            with wal.open("r+b") as file:
                file.truncate(self._synced + int(chance * (size - self._synced)))
        self.tips.forget(chance)

    def restore(self) -> None:
        """Ends what is still connected, and brings back what was kept."""
        self._connections.close()
        self.locks.clear()
        shutil.rmtree(self.path)
        self._image.rename(self.path)
        self._synced = min(self._synced, self._size())
        self.tips.restore()

    def remove(self) -> None:
        """Removes all files."""
        self._connections.close()
        shutil.rmtree(self._base, ignore_errors=True)

    def sync(self) -> None:
        """What the WAL holds now is on the disk."""
        self._synced = self._size()

    def lock(self, run: str) -> Lock:
        """The lock of a run, which a death releases."""
        if run in self.locks:
            raise log_module.Held("another engine is working on this run", "watch it")
        self.locks[run] = lock = Lock(self.locks, run)
        return lock

    def _size(self) -> int:
        try:
            return os.stat(self._wal).st_size  # noqa: PTH116 - it is asked at every commit
        except FileNotFoundError:
            return 0

    @contextlib.contextmanager
    def interposed(self) -> Iterator[None]:
        """Within the block logs are written to this disk.

        What only a stranger's workspace needs is left out: a history has none, and each costs more than what it plays.
        """
        machine, append = self.machine, RunLog.append

        def opened(path: Path) -> Database:
            if not path.exists():
                path.write_bytes(_empty_log())
            db = open_writer(path)
            db.execute("PRAGMA wal_autocheckpoint = 0")  # so that what is synced is a length of the WAL
            db.conn = self._connections.writer(db.conn)
            return db

        def appended(log: RunLog, *arguments: Any, durable: bool = True, **others: Any) -> list[Event]:
            events = append(log, *arguments, durable=durable, **others)
            machine.acknowledge(events, durable=durable)
            return events

        def tip(folder: Path, run: str, written: tips.Tip) -> None:
            if machine.point("tip", "full"):
                raise OSError(errno.ENOSPC, "No space left on device")
            self.tips.write(run, written)
            machine.point("tip written")

        def synced(path: Path) -> None:
            if machine.point("sync", "error"):
                raise OSError(errno.EIO, "Input/output error")
            sync_wal(path)
            self.sync()

        with contextlib.ExitStack() as replaced:
            for place, name, instead in (
                (log_module, "open_writer", opened),
                (log_module, "sync_wal", synced),
                (log_module, "_lock", lambda workspace, run, patience_s=0.0: self.lock(run)),
                (reader, "open_reader", self._connections.reader),
                (reader, "is_archive", lambda path: False),
                (session, "memory_is_left", lambda: True),
                (tips, "write", tip),
                (tips, "read", lambda folder, run: self.tips.now.get(run)),
                (tips, "read_all", lambda folder: self.tips.readable),
                (RunLog, "append", appended),
                (containment, "check_workspace", lambda folder: None),
                (trust, "begin", lambda folder: None),
                (schema, "_check_statements", lambda db, path: None),
                (keys, "_secrets", lambda: ()),
                (harness, "parse", _parsed),
            ):
                replaced.enter_context(mock.patch.object(place, name, instead))
            yield


def _parsed(files: Mapping[str, bytes]) -> Harness:
    return _harness(tuple(sorted(files.items())))


@functools.lru_cache(maxsize=4096)
def _harness(files: tuple[tuple[str, bytes], ...], parse: Callable[..., Harness] = harness.parse) -> Harness:
    return parse(dict(files))


@functools.cache
def _empty_log() -> bytes:
    """The file of a log without a run."""
    with tempfile.TemporaryDirectory() as place, mock.patch.object(trust, "begin", lambda folder: None):
        path = Path(place) / "events.db"
        open_writer(path).close()
        return path.read_bytes()
