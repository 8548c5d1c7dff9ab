"""Engines are processes of their own: the app starts them through the command line and only ever reads their log.

An engine outlives the app, its terminal and its session. It says on a pipe which run it works on as soon as that run
is in the log; until then what it prints is told to whoever waits.
"""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from engine.errors import SiaError


class Starting:
    """An engine that is coming up."""

    def __init__(self, arguments: Sequence[str], workspace: Path) -> None:
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - the engine keeps writing to it after we have gone
        self._read, write = os.pipe()
        self._told = 0
        self._said = b""
        command = [sys.executable, "-m", "sia_tui", *arguments, "--headless", "--workspace", str(workspace)]
        try:
            self.process = subprocess.Popen(
                [*command, "--announce-fd", str(write)],
                stdin=subprocess.DEVNULL,
                stdout=self._output,
                stderr=self._output,
                pass_fds=[write],
                start_new_session=True,
            )
        finally:
            os.close(write)

    def wait(self, seconds: float) -> str | None:
        """The id of the run once it is in the log; None where it is not there yet.

        Raises `SiaError` with what the engine said where it ended without a run.
        """
        ready, _, _ = select.select([self._read], [], [], seconds)
        if ready:
            part = os.read(self._read, 256)
            self._said += part
            if b"\n" in self._said:
                self.close()
                return self._said.decode().strip()
            if not part:
                self.process.wait()
                self._told = 0
                raise _failed(self.output())
        return None

    def output(self) -> str:
        """What the engine has printed since the last call."""
        fd = self._output.fileno()
        text = os.pread(fd, 1 << 20, self._told)
        self._told += len(text)
        return text.decode("utf-8", "replace")

    def close(self) -> None:
        """Stops listening; the engine goes on."""
        with contextlib.suppress(OSError):
            os.close(self._read)
        self._read = -1

    def give_up(self) -> None:
        """Ends an engine whose run is not in the log yet."""
        self.process.terminate()
        self.process.wait()


def _failed(output: str) -> SiaError:
    """The engine's last sentence as an error of ours."""
    lines = [line for line in output.splitlines() if line.strip()]
    last = lines[-1] if lines else "the engine ended without a word; see `sia doctor`"
    sentence, _, remedy = last.removeprefix("sia: ").removesuffix(".").partition("; ")
    return SiaError(sentence, remedy or "see `sia --help`")


def announce(fd: int | None, run: str) -> None:
    """The engine's side: tells whoever started it that `run` is in the log."""
    if fd is None:
        return
    with contextlib.suppress(OSError):  # nobody listens any more, which is their right
        os.write(fd, f"{run}\n".encode())
        os.close(fd)
