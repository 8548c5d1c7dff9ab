"""Reaching a live engine: a Unix socket that takes wishes. The engine, not the caller, writes the event.

The socket lies in the workspace, in a folder that is its user's alone (mode 0700): whoever finds the workspace finds
the engine, whatever $TMPDIR and the way there are called.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

from engine.errors import SiaError

Wish = Literal["pause", "stop", "yes", "no", "edit"]


class Request(msgspec.Struct, frozen=True):
    """What another process wants of the engine: to rest, or a word on a waiting candidate.

    A word names the `commit` that it is about, so that it cannot fall on a later one; `folder` holds an edit.
    """

    wish: Wish
    by: str
    reason: str = ""
    folder: str = ""
    commit: str = ""


def address(workspace: Path, run: str) -> Path:
    """Where the engine of `run` listens, if one does."""
    return workspace / "control" / run


@contextlib.contextmanager
def _short(path: Path) -> Iterator[str]:
    """Another name of `path`: a socket's address holds some 100 bytes, and a workspace's name may be longer."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


class Control:
    """The engine's end: the first wish to rest wins and wakes whoever waits; a word waits until it is asked for."""

    def __init__(self) -> None:
        self.wanted: Request | None = None
        self.words: asyncio.Queue[Request] = asyncio.Queue()
        self._woken = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._address: Path | None = None

    def ask(self, wish: Wish, by: str) -> None:
        """Asks the engine from inside its own process (a signal, say)."""
        self.wanted = self.wanted or Request(wish, by)
        self._woken.set()

    async def wait(self) -> None:
        """Returns when something is wanted."""
        await self._woken.wait()

    async def listen(self, workspace: Path, run: str) -> None:
        """Opens the socket. The run's lock is held, so a file that is there is a dead engine's."""
        self._address = address(workspace, run)
        listening = socket.socket(socket.AF_UNIX)
        try:
            self._address.parent.mkdir(mode=0o700, exist_ok=True)
            self._address.unlink(missing_ok=True)
            with _short(self._address) as short:
                listening.bind(short)
        except OSError as error:
            listening.close()
            raise SiaError(
                f"{self._address.parent} takes no sockets ({error.strerror})",
                "choose a folder on a local disk with --workspace",
            ) from None
        self._server = await asyncio.start_unix_server(self._serve, sock=listening)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, msgspec.DecodeError, TimeoutError):
            request = msgspec.json.decode(await asyncio.wait_for(reader.readline(), 5), type=Request)
            if request.wish in ("pause", "stop"):
                self.ask(request.wish, request.by)
            else:
                self.words.put_nowait(request)
            writer.write(b"ok\n")
            await writer.drain()
        writer.close()

    def close(self) -> None:
        """Closes the socket."""
        if self._server:
            self._server.close()
        if self._address:
            self._address.unlink(missing_ok=True)


def send(workspace: Path, run: str, request: Request) -> bool:
    """Asks a live engine; False where none listens."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(5)
        try:
            with _short(address(workspace, run)) as short:
                connection.connect(short)
            connection.sendall(msgspec.json.encode(request) + b"\n")
            return connection.recv(8) == b"ok\n"
        except OSError:
            return False
