"""Reaching a live engine: a Unix socket that takes wishes. The engine, not the caller, writes the event.

The socket lies in a folder of the user's own (mode 0700) under a short name, since a socket's path may be at most
some 100 bytes long and a workspace's may be longer.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import socket
import tempfile
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
    folder = Path(tempfile.gettempdir()) / f"sia-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid() or folder.stat().st_mode & 0o077:
        raise SiaError(f"{folder} is not this user's alone", "remove it")
    return folder / hashlib.sha256(f"{workspace.absolute()}\0{run}".encode()).hexdigest()[:24]


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
        self._address.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._serve, self._address)
        self._address.chmod(0o600)

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
            connection.connect(str(address(workspace, run)))
            connection.sendall(msgspec.json.encode(request) + b"\n")
            return connection.recv(8) == b"ok\n"
        except OSError:
            return False
