"""Runs one errand of a client to its end: started, read line by line, kept within its caps, and stopped.

However it ends, what it printed and what it says that it has used is there. Whether it did well is told by its folder.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator

import msgspec

from engine import keys
from engine.clients import enclosure
from engine.clients.acp import Talk
from engine.clients.client import Client, Start
from engine.clients.enclosure import DESK, Enclosure
from engine.clients.installed import Installed
from engine.clients.lines.reading import Reading
from engine.failure import Failure
from engine.plain import plural
from engine.sandbox import process_tree

TRANSCRIPT = 16 << 20
"""Bytes of a transcript that are kept."""
GRACE_S = 5.0
"""How long a client that is to stop may take to end by itself."""
_CHUNK = 1 << 16
_LINE = 8 << 20
_ERRORS = 4000


class Caps(msgspec.Struct, frozen=True):
    """What an errand may take: minutes; tokens, without those read from a cache; US dollars where they are capped."""

    minutes: float
    tokens: int
    usd: float | None = None


class Ended(msgspec.Struct, frozen=True):
    """An errand that has ended. `command` is what was started inside the sandbox; `usd` is None where not known.

    `logged_out`: it says that nobody is logged in. `outside` are paths outside its folder that it tried to write.
    """

    command: list[str]
    transcript: bytes
    reading: Reading
    wall_s: float
    failure: Failure | None = None
    logged_out: bool = False
    outside: list[str] = []


class Stopped(Exception):
    """The errand was interrupted; `ended` is what there is of it."""

    def __init__(self, ended: Ended) -> None:
        super().__init__("interrupted")
        self.ended = ended


async def run(client: Client, installed: Installed, place: Enclosure, prompt: str, model: str, caps: Caps) -> Ended:
    """Starts the client with `prompt`, and waits for its end or stops it at a cap.

    Raises `Stopped` where the task is cancelled, once no process of the client is left.
    """
    words = client.words(Start(str(installed.program), model, caps.usd))
    talk = Talk(prompt, DESK, model) if client.speaks_acp else None
    return await _Errand(client, words, caps, talk).run(enclosure.wrapped(client, installed, place, words), prompt)


class _Errand:
    def __init__(self, client: Client, words: list[str], caps: Caps, talk: Talk | None) -> None:
        self._client, self._words, self._caps, self._talk = client, words, caps, talk
        self._reading = Reading()
        self._transcript = bytearray()
        self._errors = b""
        self._started = time.monotonic()

    async def run(self, command: list[str], prompt: str) -> Ended:
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env={},
                start_new_session=True,
            )
        except OSError as error:
            return self._ended(Failure("infrastructure", f"{self._client.title} cannot be started: {error}"))
        try:
            reached = await self._until_capped(process, prompt)
        except asyncio.CancelledError:
            await _kill(process)
            raise Stopped(self._ended(Failure("infrastructure", "it was interrupted"))) from None
        finally:
            await _kill(process)
        return self._ended(reached or self._fault(process.returncode))

    async def _until_capped(self, process: asyncio.subprocess.Process, prompt: str) -> Failure | None:
        """Lets it work; the failure of the cap that it has reached, if any."""
        opening = self._talk.opening() if self._talk else prompt.encode("utf-8", "replace")
        told = asyncio.ensure_future(_tell(process, opening, close=self._talk is None))
        errors = asyncio.ensure_future(self._read_errors(process))
        try:
            async with asyncio.timeout(60 * self._caps.minutes):
                async for line in _lines(process):
                    self._keep(line)
                    if self._talk is None:
                        self._client.read(line, self._reading)
                    elif answer := self._talk.hear(line, self._reading):
                        await _tell(process, answer, close=False)
                    elif self._reading.closed:
                        await self._part(process)
                        return None
                    if (reached := self._capped()) is not None:
                        await _interrupt(process)
                        return reached
                await process.wait()
                await errors
        except TimeoutError:
            await _interrupt(process)
            return Failure("timeout", f"{self._client.title} was stopped after {plural(self._caps.minutes, 'minute')}")
        finally:
            told.cancel()
            errors.cancel()
        return None

    async def _part(self, process: asyncio.subprocess.Process) -> None:
        """Ends the talk: an agent that hears no more ends, or is ended."""
        await _tell(process, b"", close=True)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GRACE_S):
                await process.wait()

    def _keep(self, line: bytes) -> None:
        if len(self._transcript) < TRANSCRIPT:
            self._transcript += line + b"\n"

    def _capped(self) -> Failure | None:
        title, caps, reading = self._client.title, self._caps, self._reading
        if reading.closed:
            return None
        if reading.new_tokens > caps.tokens:
            return Failure(
                "resource", f"{title} was stopped after {reading.new_tokens:,} of {plural(caps.tokens, 'token')}"
            )
        if caps.usd is not None and reading.usd is not None and reading.usd > caps.usd:
            return Failure("resource", f"{title} was stopped after ${reading.usd:.4f} of ${caps.usd:.4f}")
        return None

    async def _read_errors(self, process: asyncio.subprocess.Process) -> None:
        assert process.stderr is not None  # noqa: S101 - a pipe
        while chunk := await process.stderr.read(_CHUNK):
            self._errors = (self._errors + chunk)[-_ERRORS:]

    def _fault(self, status: int | None) -> Failure | None:
        """Why it did not do well by its own account; None where it did."""
        title = self._client.title
        if self._reading.error:
            return Failure("model", f"{title} reports: {_one_line(self._reading.error)}")
        if status and not self._reading.closed:
            said = _last_line(self._errors.decode("utf-8", "replace")) or _one_line(self._reading.text)
            ended = f"by signal {-status}" if status < 0 else f"with status {status}"
            return Failure("model", f"{title} ended {ended}" + (f": {said}" if said else ""))
        return None

    def _ended(self, failure: Failure | None) -> Ended:
        errors = self._errors.decode("utf-8", "replace")
        text = keys.redact_error(self._transcript.decode("utf-8", "replace"))
        whole = f"{text}[standard error]\n{keys.redact_error(errors)}" if errors.strip() else text
        said = f"{self._reading.error} {errors} {self._reading.text}"
        return Ended(
            command=[keys.redact_error(word) for word in self._words],
            transcript=whole.encode("utf-8", "replace"),
            reading=self._reading,
            wall_s=round(time.monotonic() - self._started, 3),
            failure=failure and Failure(failure.kind, keys.redact_error(failure.message)),
            logged_out=failure is not None and any(mark in said for mark in self._client.logged_out),
            outside=self._outside(),
        )

    def _outside(self) -> list[str]:
        """The paths that it tells of, but for its folder and its own configuration."""
        found = {os.path.normpath(os.path.join(DESK, path)) for path in self._reading.edited}  # noqa: PTH118 - inside
        return sorted(p for p in found if not (p.startswith(f"{DESK}/") or enclosure.is_own(self._client, p)))


async def _tell(process: asyncio.subprocess.Process, text: bytes, *, close: bool) -> None:
    """Writes to its standard input, and maybe closes that; a client that does not read may end before."""
    assert process.stdin is not None  # noqa: S101 - a pipe
    with contextlib.suppress(OSError):
        process.stdin.write(text)
        await process.stdin.drain()
        if close:
            process.stdin.close()


async def _lines(process: asyncio.subprocess.Process) -> AsyncIterator[bytes]:
    """The lines that it prints, however long; of one beyond all measure the first part."""
    assert process.stdout is not None  # noqa: S101 - a pipe
    rest = b""
    while chunk := await process.stdout.read(_CHUNK):
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line
        if len(rest) > _LINE:
            yield rest
            rest = b""
    if rest:
        yield rest


async def _interrupt(process: asyncio.subprocess.Process) -> None:
    """Asks the client to end, as the key Ctrl+C would, and waits a little; what it still prints is read."""
    for pid in list(process_tree.descendants(process.pid)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGINT)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(GRACE_S):
            await process.wait()


async def _kill(process: asyncio.subprocess.Process) -> None:
    """Kills the sandbox: the kernel ends every process in it with the first."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def _last_line(text: str) -> str:
    """The last line that is not indented, as the places in a traceback are."""
    lines = [line for line in text.splitlines() if line.strip()]
    return _one_line(next((line for line in reversed(lines) if not line[0].isspace()), lines[-1] if lines else ""))


def _one_line(text: str) -> str:
    return " ".join(text.split())[-400:]
