"""A program in a terminal of its own: its keys pressed, its screen read, each byte of its output timed.

A thread drains the terminal at all times, so that neither a full pipe nor our reading of the screen holds the program
up, and every chunk carries the moment at which it came. The screen is pyte's.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import queue
import re
import signal
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import pyte

FRAME_S = 0.004
"""Output that comes within this time belongs to one frame."""
PRIVATE = re.compile(rb"\x1b\[[<>=][0-9;]*[a-zA-Z]|\x1b\[\?[0-9;]*\$p")
"""Sequences of the Kitty keyboard protocol and queries of modes, which pyte would print in part."""


class Quiet(Exception):
    """The program did not show what was waited for; says what it showed."""


class PseudoTerminal:
    """Runs `command` until the block ends; what has not ended by then is killed."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        columns: int = 160,
        rows: int = 50,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.screen = pyte.Screen(columns, rows)
        self.output = bytearray()
        self._stream = pyte.ByteStream(self.screen)
        self._chunks: queue.SimpleQueue[tuple[float, bytes]] = queue.SimpleQueue()
        self._master, self._slave = os.openpty()
        self._set_size(columns, rows)
        clean = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLUMNS", "LINES")}
        self.attributes = termios.tcgetattr(self._slave)
        self._reader = threading.Thread(target=self._drain, daemon=True)
        self._reader.start()
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            # its own session with this terminal and no signal ignored, as a terminal emulator starts a shell
            ["setsid", "--ctty", "env", "--default-signal", *command],
            stdin=self._slave,
            stdout=self._slave,
            stderr=self._slave,
            env={**clean, "TERM": "xterm-256color", "COLORTERM": "truecolor", "LC_ALL": "C.UTF-8", **(env or {})},
        )

    def __enter__(self) -> PseudoTerminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        os.close(self._slave)  # the reader's read fails now, which ends it
        self._reader.join(5)
        os.close(self._master)

    def catch_up(self) -> None:
        """Takes in all output that has come, so that the screen is what a person sees at this moment."""
        while self._feed(0) is not None:
            pass

    def press(self, keys: str) -> float:
        """Types `keys`; returns when."""
        at = time.monotonic()
        os.write(self._master, keys.encode())
        return at

    def resize(self, columns: int, rows: int) -> None:
        """Makes the window another size, empty until the program draws it anew; the kernel tells the program."""
        self.catch_up()
        self.screen.resize(rows, columns)
        self.screen.reset()
        self._set_size(columns, rows)

    def until(self, shown: Callable[[PseudoTerminal], bool], timeout: float = 30.0) -> float:
        """Reads until `shown` holds; returns the moment at which the frame that made it so was complete.

        Raises `Quiet` where it does not come in time.
        """
        end = time.monotonic() + timeout
        while True:
            at = self._feed(max(0.0, end - time.monotonic()))
            if at is None:
                raise Quiet(f"not shown within {timeout:g} s:\n{self.text}")
            if shown(self):
                while (more := self._feed(FRAME_S)) is not None and more - at < FRAME_S:
                    at = more
                return at

    def settle(self, quiet: float = 0.3, timeout: float = 30.0) -> None:
        """Reads until nothing has come for `quiet` seconds."""
        end = time.monotonic() + timeout
        while self._feed(quiet) is not None:
            if time.monotonic() > end:
                raise Quiet(f"never quiet for {quiet:g} s:\n{self.text}")

    def watch(self, seconds: float) -> None:
        """Reads for so long, whatever comes."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._feed(left)

    def ended(self, timeout: float = 30.0) -> int:
        """Waits for the program's end and reads its last output; returns its exit status."""
        status = self.process.wait(timeout)
        self.settle(0.1)
        return status

    def suspended(self, timeout: float = 30.0) -> None:
        """Waits until the program is stopped by a signal."""
        end = time.monotonic() + timeout
        while _state(self.process.pid) != "T":
            if time.monotonic() > end:
                raise Quiet(f"not suspended within {timeout:g} s")
            time.sleep(0.01)

    @property
    def lines(self) -> list[str]:
        """The rows of the screen as text."""
        screen = self.screen
        return ["".join(screen.buffer[y][x].data for x in range(screen.columns)) for y in range(screen.lines)]

    @property
    def text(self) -> str:
        """The screen as text."""
        return "\n".join(self.lines)

    @property
    def attributes_now(self) -> list[Any]:
        """How the terminal treats lines, echo and signals at this moment."""
        return termios.tcgetattr(self._slave)

    def _set_size(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self._slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def _feed(self, timeout: float) -> float | None:
        """Takes in one chunk and returns when it came; None where none comes within `timeout` seconds."""
        try:
            at, data = self._chunks.get(timeout=timeout) if timeout > 0 else self._chunks.get_nowait()
        except queue.Empty:
            return None
        self.output += data
        self._stream.feed(PRIVATE.sub(b"", data))
        return at

    def _drain(self) -> None:
        with contextlib.suppress(OSError):
            while data := os.read(self._master, 1 << 16):
                self._chunks.put((time.monotonic(), data))


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
