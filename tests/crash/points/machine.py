"""A machine that can be killed: commands of `sia` under the shim, on a place that is put back before each."""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import json
import mmap
import os
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
MODES = {"off": 0, "trace": 1, "kill": 2, "full": 3, "error": 4, "short": 5, "look": 6}


class Control(ctypes.Structure):
    """The page that the shim obeys; shim.c has the same layout."""

    _fields_ = (
        ("count", ctypes.c_long),
        ("point", ctypes.c_long),
        ("mode", ctypes.c_long),
        ("leader", ctypes.c_long),
        ("reached", ctypes.c_long),
        ("waiting", ctypes.c_long),
        ("seen", ctypes.c_long),
        ("busy", ctypes.c_long),
        ("roots", (ctypes.c_char * 1024) * 4),
    )


class Outcome(NamedTuple):
    """How a command ended: its exit code (negative for a signal), the calls that it made, whether the point came."""

    code: int
    calls: list[str]
    reached: bool
    output: str


class Machine:
    """`place` holds the workspace `w`, the user's `state`, and `out`, where exports go.

    Where it is `real`, commands start sandboxes and grading processes; else see inside.py.
    """

    def __init__(self, folder: Path, *, real: bool = False) -> None:
        self.place = folder / "place"
        self.workspace = self.place / "w"
        self.toy = folder / "toy"
        self._saved = folder / "saved"
        self._output = folder / "output"
        self._journal = folder / "journal"
        self._journal.touch()
        library = folder / "shim.so"
        build = ["cc", "-shared", "-fPIC", "-O1", "-o", str(library), str(HERE / "shim.c"), "-ldl"]
        subprocess.run(build, check=True)
        control = folder / "control"
        control.write_bytes(bytes(ctypes.sizeof(Control)))
        with control.open("r+b") as file:
            self._page = Control.from_buffer(mmap.mmap(file.fileno(), ctypes.sizeof(Control)))
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "XDG_STATE_HOME": str(self.place / "state"),
            "XDG_CONFIG_HOME": str(folder / "config"),
            "LD_PRELOAD": str(library),
            "CRASH_REAL": "yes" if real else "",
            "CRASH_CONTROL": str(control),
            "CRASH_JOURNAL": str(self._journal),
        }
        self._server = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.points.server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=environment,
        )
        self.clear()

    def clear(self) -> None:
        """Nothing is on the machine."""
        shutil.rmtree(self.place, ignore_errors=True)
        for name in ("state", "out"):
            (self.place / name).mkdir(parents=True)

    def save(self, name: str) -> None:
        """Remembers what is on the machine."""
        shutil.copytree(self.place, self._saved / name, symlinks=True, ignore=shutil.ignore_patterns("control"))

    def saved(self, name: str) -> Path:
        """Where what `save` remembered lies."""
        return self._saved / name

    def call(self, point: int) -> str:
        """The call number `point` of the command that runs: its number, its name and its file."""
        return self._journal.read_text(errors="replace").splitlines()[point - 1]

    def forget(self, name: str) -> None:
        """Forgets what `save` remembered."""
        shutil.rmtree(self._saved / name)

    def restore(self, name: str) -> None:
        """Puts back what `save` remembered."""
        shutil.rmtree(self.place)
        shutil.copytree(self._saved / name, self.place, symlinks=True)

    def sia(
        self,
        *arguments: str,
        mode: str = "trace",
        point: int = 0,
        roots: tuple[str, ...] = (),
        until: Callable[[], bool] | None = None,
        look: Callable[[int], None] | None = None,
    ) -> Outcome:
        """Runs a command on the workspace; at the call number `point` happens what `mode` says.

        A command that does not end by itself is killed where `until` holds. In the mode `look` the command waits before
        each call until `look` has returned, which gets the call's number.
        """
        assert self._server.stdin is not None and self._server.stdout is not None
        self._journal.write_bytes(b"")
        page = self._page
        page.count, page.point, page.mode, page.reached, page.leader = 0, point, MODES[mode], 0, 0
        page.waiting = page.seen = page.busy = 0
        watched = [self.place / name for name in roots] or [self.place]
        for root, path in itertools.zip_longest(page.roots, watched):
            root.value = os.fsencode(path) if path else b""
        whole = [*arguments, "--workspace", str(self.workspace), "--headless"]
        self._server.stdin.write(json.dumps({"arguments": whole, "output": str(self._output)}) + "\n")
        self._server.stdin.flush()
        try:
            while look and not select.select([self._server.stdout], [], [], 0.0005)[0]:
                if page.waiting > page.seen:
                    look(page.waiting)
                    page.seen = page.waiting
        except BaseException:
            page.mode = MODES["off"]  # nobody looks any more
            raise
        while until and not select.select([self._server.stdout], [], [], 0.05)[0]:
            if page.leader and until():
                os.killpg(page.leader, signal.SIGKILL)
                break
        answer = self._server.stdout.readline()
        assert answer, "the server has died"
        page.mode = MODES["off"]
        calls = self._journal.read_text(errors="replace").splitlines()
        return Outcome(int(answer), calls, page.reached > 0, self._output.read_text(errors="replace"))

    def close(self) -> None:
        """Ends the server."""
        assert self._server.stdin is not None
        self._server.stdin.close()
        self._server.wait(30)


@contextlib.contextmanager
def machine(folder: Path, *, real: bool = False) -> Iterator[Machine]:
    """A machine with nothing on it; skips the test where no shim can be compiled."""
    if not sys.platform.startswith("linux") or shutil.which("cc") is None:
        pytest.skip("the shim needs Linux and a C compiler (cc)")
    made = Machine(folder, real=real)
    try:
        yield made
    finally:
        made.close()
