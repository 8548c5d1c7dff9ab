"""An engine in a process of its own, started through the command line.

It outlives the app, the terminal and the session that started it. It announces its run on a pipe as soon as the run is
in the log; until then its output can be shown to the user.
"""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

from engine.errors import SiaError


class EngineProcess:
    """An engine that is starting."""

    def __init__(self, arguments: Sequence[str], workspace: Path) -> None:
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - the engine writes to it after we have closed it
        self._pipe, write = os.pipe()
        self._read = 0
        self._announced = b""
        command = [sys.executable, "-P", "-m", "sia_tui", *arguments, "--headless", "--workspace", str(workspace)]
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
        threading.Thread(target=self.process.wait, daemon=True).start()  # so that it leaves no zombie when it ends

    def wait(self, seconds: float) -> str | None:
        """Waits up to `seconds` for the run; returns its id once it is in the log, else None.

        Raises `SiaError` with the engine's error if it ends without a run.
        """
        ready, _, _ = select.select([self._pipe], [], [], seconds)
        if ready:
            part = os.read(self._pipe, 256)
            self._announced += part
            if b"\n" in self._announced:
                self.close()
                return self._announced.decode().strip()
            if not part:
                self.process.wait()
                self._read = 0
                raise _error(self.output())
        return None

    def output(self) -> str:
        """The engine's output since the last call."""
        text = os.pread(self._output.fileno(), 1 << 20, self._read)
        self._read += len(text)
        return text.decode("utf-8", "replace")

    def close(self) -> None:
        """Closes the pipe; the engine continues."""
        with contextlib.suppress(OSError):
            os.close(self._pipe)
        self._pipe = -1

    def terminate(self) -> None:
        """Ends an engine whose run is not in the log yet."""
        self.process.terminate()
        self.process.wait()


def _error(output: str) -> SiaError:
    """The last line of the engine's output as an error."""
    lines = [line for line in output.splitlines() if line.strip()]
    last = lines[-1] if lines else "the engine ended without a message; see `sia doctor`"
    sentence, _, remedy = last.removeprefix("sia: ").removesuffix(".").partition("; ")
    return SiaError(sentence, remedy or "see `sia --help`")


def announce(fd: int | None, run: str) -> None:
    """Called in the engine: writes the id of `run` to the pipe `fd`, once the run is in the log."""
    if fd is None:
        return
    with contextlib.suppress(OSError):  # the reader may have closed the pipe
        os.write(fd, f"{run}\n".encode())
        os.close(fd)
