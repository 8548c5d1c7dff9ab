"""All states that a kill at any call of a command leaves: copied in one run of the command, each state once.

A kill keeps what was written, so what it leaves is what is there when the call begins. The command waits before each
call until its folders have been looked at. Two calls at which these hold the same are one death: every file is
compared by its bytes, a database of SQLite by its pages after the recovery that its next user sees (which leaves out
what no transaction has committed, and the index in shared memory, which that user makes anew). Sockets are left out.

A power cut also takes what was not synced from the files of SQLite: `PowerCuts` leaves nothing of it, or some sectors.
"""

from __future__ import annotations

import contextlib
import hashlib
import random
import shutil
import sqlite3
from pathlib import Path
from typing import NamedTuple

from tests.crash.points.scenes import Stage

_BESIDE = ("-wal", "-shm", "-journal")
_SECTOR = 512


class Death(NamedTuple):
    """The first call at which the machine is in a state, that call, and the name under which the state is saved."""

    point: int
    call: str
    saved: str


class Deaths:
    """Those of a scene's command, once it has run to its end; `points` counts the calls."""

    def __init__(self, stage: Stage, scene: str, how: str = "") -> None:
        self._machine, self._scene, self._how = stage.machine, scene, how
        self._scratch = stage.machine.toy.parent / "cold"
        self._saved: dict[str, str] = {}
        self._known: dict[str, int] = {}
        self.states: dict[int, str] = {}
        """The state before each call."""
        stage.begin(scene)
        done = stage.machine.sia(*stage.scenes[scene].command, mode="look", look=self._look)
        assert done.code == 0, done.output
        self.points = len(done.calls)
        self.found = [Death(point, done.calls[point - 1], self._saved[state]) for state, point in self._known.items()]

    def _look(self, point: int) -> None:
        state = self.states[point] = self.state()
        if state not in self._known:
            self._known[state] = point
            self._saved[state] = f"{self._scene} before call {point}{self._how}"
            self._machine.save(self._saved[state])
            self._cut(self._machine.saved(self._saved[state]))

    def state(self) -> str:
        """A digest of all that is on the machine now."""
        found = hashlib.sha256()
        for path in sorted(self._machine.place.rglob("*")):
            name = str(path.relative_to(self._machine.place))
            if name.endswith(_BESIDE) and path.with_name(path.name.rpartition("-")[0]).exists():
                continue
            if path.is_symlink():
                content = str(path.readlink()).encode()
            elif path.is_dir():
                content = b""
            elif path.is_file():
                content = self._recovered(path) if path.name == "events.db" else self._left(path)
            else:
                continue
            found.update(f"{name}\0{path.lstat().st_mode}\0{len(content)}\0".encode() + content)
        return found.hexdigest()

    def _left(self, path: Path) -> bytes:
        """What is left of a file."""
        return path.read_bytes()

    def _cut(self, saved: Path) -> None:
        """Makes of a saved state what is left."""

    def _recovered(self, log: Path) -> bytes:
        """The pages of a log as its next user finds them."""
        cold = self._scratch / log.name
        shutil.rmtree(self._scratch, ignore_errors=True)
        self._scratch.mkdir()
        for ending in ("", "-wal", "-journal"):
            with contextlib.suppress(FileNotFoundError):
                Path(f"{cold}{ending}").write_bytes(self._left(Path(f"{log}{ending}")))
        with contextlib.closing(sqlite3.connect(cold)) as db:
            (pages,) = db.execute("PRAGMA page_count").fetchone()
            return db.serialize() if pages else b""


class PowerCuts(Deaths):
    """All states that a power cut before any call leaves, where files of SQLite hold what was synced, and nothing else.

    Where they are `torn`, some sectors of the rest are there too. Other files are whole: for them see the tests of tips
    and of git. `ignored`: files of which the disk syncs nothing, by the end of their name.
    """

    def __init__(self, stage: Stage, scene: str, *, torn: bool, ignored: str = "") -> None:
        self._torn, self._ignored = torn, ignored
        self._synced: dict[int, bytes] = {}
        super().__init__(stage, scene, f", power cut, {torn=}{ignored}")

    def _look(self, point: int) -> None:
        if not self._synced:  # what lay there before the command is on the disk
            self._synced = {path.stat().st_ino: path.read_bytes() for path in self._of_sqlite(self._machine.place)}
            self._synced[0] = b""
        super()._look(point)
        name, path = self._machine.call(point).split(" ", 2)[1:]
        ignored = self._ignored and path.endswith(self._ignored)
        if name in ("fsync", "fdatasync") and path.endswith(("events.db", *_BESIDE)) and not ignored:
            self._synced[Path(path).stat().st_ino] = Path(path).read_bytes()

    def _left(self, path: Path) -> bytes:
        now = path.read_bytes()
        if not path.name.startswith("events.db"):
            return now
        synced = self._synced.get(path.stat().st_ino, b"")
        if not self._torn or now == synced:
            return synced
        dice = random.Random(len(now))
        size = max(len(now), len(synced))
        both = [one.ljust(size, b"\0") for one in (now, synced)]
        return b"".join(both[dice.random() < 0.5][at : at + _SECTOR] for at in range(0, size, _SECTOR))

    def _cut(self, saved: Path) -> None:
        for path in self._of_sqlite(self._machine.place):
            copy = saved / path.relative_to(self._machine.place)
            if path.name.endswith("-shm"):
                copy.unlink(missing_ok=True)
            else:
                copy.write_bytes(self._left(path))

    def _of_sqlite(self, place: Path) -> list[Path]:
        return [path for path in place.rglob("events.db*") if path.is_file()]
