"""All states that a kill at any call of a command leaves: copied in one run of the command, each state once.

A kill keeps what was written, so what it leaves is what is there when the call begins. The command waits before each
call until its folders have been looked at. Two calls at which these hold the same are one death: every file is
compared by its bytes, a database of SQLite by its pages after the recovery that its next user sees (which leaves out
what no transaction has committed, and the index in shared memory, which that user makes anew). Sockets are left out.
"""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import sqlite3
from pathlib import Path
from typing import NamedTuple

from tests.crash.points.scenes import Stage

_BESIDE = ("-wal", "-shm", "-journal")


class Death(NamedTuple):
    """The first call at which the machine is in a state, that call, and the name under which the state is saved."""

    point: int
    call: str
    saved: str


class Deaths:
    """Those of a scene's command, once it has run to its end; `points` counts the calls."""

    def __init__(self, stage: Stage, scene: str) -> None:
        self._machine, self._scene = stage.machine, scene
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
            self._saved[state] = f"{self._scene} before call {point}"
            self._machine.save(self._saved[state])

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
                content = self._recovered(path) if path.name == "events.db" else path.read_bytes()
            else:
                continue
            found.update(f"{name}\0{path.lstat().st_mode}\0{len(content)}\0".encode() + content)
        return found.hexdigest()

    def _recovered(self, log: Path) -> bytes:
        """The pages of a log as its next user finds them."""
        cold = self._scratch / log.name
        shutil.rmtree(self._scratch, ignore_errors=True)
        self._scratch.mkdir()
        for ending in ("", "-wal", "-journal"):
            with contextlib.suppress(FileNotFoundError):
                shutil.copyfile(f"{log}{ending}", f"{cold}{ending}")
        with contextlib.closing(sqlite3.connect(cold)) as db:
            (pages,) = db.execute("PRAGMA page_count").fetchone()
            return db.serialize() if pages else b""
