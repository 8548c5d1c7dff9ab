"""The control socket of a live engine takes requests to pause or stop, approvals, hints and accounts of removed runs.

The engine writes the events.

The socket lies in the workspace, in a folder that only its user can open (mode 0700). Whoever finds the workspace finds
the engine, whatever $TMPDIR is and however long the path is.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import msgspec

from engine import containment
from engine.errors import SiaError
from engine.events.types import Answer
from engine.grading.live_work import Work
from engine.models.live_text import Spoken

PauseKind = Literal["pause", "stop"]


class PauseRequest(msgspec.Struct, frozen=True, tag="pause"):
    """A request to pause or stop the run; `by` says who asks."""

    kind: PauseKind
    by: str


class Approval(msgspec.Struct, frozen=True, tag="approval"):
    """A person's answer about the candidate awaiting approval; `folder` holds an edit.

    It names the candidate's `commit`, so that it cannot fall on a later one; empty is whichever awaits approval.
    """

    answer: Answer
    by: str
    reason: str = ""
    folder: str = ""
    commit: str = ""


class Hint(msgspec.Struct, frozen=True, tag="hint"):
    """A person's words to the Feedback-Agent."""

    text: str
    by: str


class Removed(msgspec.Struct, frozen=True, tag="removed"):
    """A run of the lineage is being removed, by its name, and what it has `spent` of the lineage's error."""

    name: str
    spent: dict[str, float]


class Listen(msgspec.Struct, frozen=True, tag="listen"):
    """A request for what is recorded nowhere: the answer is `Heard`."""


class Heard(msgspec.Struct, frozen=True):
    """What the agent's model is saying, and what the open step does."""

    spoken: Spoken | None = None
    work: Work = Work()


Request = PauseRequest | Approval | Hint | Removed | Listen
LISTEN_S = 1.0
"""Seconds for which an engine is listened to that does not answer."""


def address(workspace: Path, run: str) -> Path:
    """Where the engine of `run` listens, if one does."""
    return containment.inside(workspace, "control", run)


@contextlib.contextmanager
def _short(path: Path) -> Iterator[str]:
    """A short name of `path`: a socket's address holds some 100 bytes, and the path of a workspace may be longer."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


class _Stranger(Exception):
    """The process at the other end is another user's."""


class _Deaf(Exception):
    """The engine takes nothing to record at this moment."""


def _check_peer(connection: socket.socket) -> None:
    _, user, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    if not _is_own(user):
        raise _Stranger


def _is_own(user: int) -> bool:
    return user in (0, os.geteuid())


class Control:
    """The engine's end. The first request to pause or stop counts; approvals wait until the engine takes them.

    `hear` records a hint, or what a removed run has spent, at once; until the engine has set it, none is taken.
    `spoken` is what the agent's model is saying, and `work` what the open step does.
    """

    def __init__(self) -> None:
        self.request: PauseRequest | None = None
        self.hear: Callable[[Hint | Removed], None] | None = None
        self.spoken: Callable[[], Spoken | None] = lambda: None
        self.work: Callable[[], Work] = Work
        self.approvals: asyncio.Queue[Approval] = asyncio.Queue()
        self._requested = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._address: Path | None = None

    def ask(self, kind: PauseKind, by: str) -> None:
        """Requests a pause or stop from inside the engine's process (on a signal, say)."""
        self.request = self.request or PauseRequest(kind, by)
        self._requested.set()

    async def wait(self) -> None:
        """Returns when a pause or stop has been requested."""
        await self._requested.wait()

    async def listen(self, workspace: Path, run: str) -> None:
        """Opens the socket. The run's lock is held, so a file that is there is a dead engine's."""
        self._address = address(workspace, run)
        listening = socket.socket(socket.AF_UNIX)
        try:
            self._address.parent.mkdir(mode=0o700, exist_ok=True)
            self._address.parent.chmod(0o700)  # it may have come with the workspace; fails if another user made it
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
        with contextlib.suppress(OSError, msgspec.DecodeError, TimeoutError, SiaError, _Stranger, _Deaf):
            _check_peer(writer.get_extra_info("socket"))
            line = await asyncio.wait_for(reader.readline(), 5)
            answer = b"ok"
            match msgspec.json.decode(line, type=Request):
                case PauseRequest(kind=kind, by=by):
                    self.ask(kind, by)
                case Approval() as approval:
                    self.approvals.put_nowait(approval)
                case Hint() | Removed() as said:
                    if self.hear is None:
                        raise _Deaf
                    self.hear(said)
                case Listen():
                    answer = msgspec.json.encode(Heard(self.spoken(), self.work()))
            writer.write(answer + b"\n")
            await writer.drain()
        writer.close()

    def close(self) -> None:
        """Closes the socket."""
        if self._server:
            self._server.close()
        if self._address:
            self._address.unlink(missing_ok=True)


def send(workspace: Path, run: str, request: Request) -> bool:
    """Sends a request to a live engine; False where none listens."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(5)
        try:
            with _short(address(workspace, run)) as short:
                connection.connect(short)
            connection.sendall(msgspec.json.encode(request) + b"\n")
            return connection.recv(8) == b"ok\n"
        except OSError:
            return False


async def listen(workspace: Path, run: str) -> Heard:
    """What the agent's model of a live engine is saying, and what its step does; nothing where no engine listens."""
    with contextlib.suppress(OSError, TimeoutError, msgspec.DecodeError):
        async with asyncio.timeout(LISTEN_S):
            with _short(address(workspace, run)) as short:
                reader, writer = await asyncio.open_unix_connection(short)
            try:
                writer.write(msgspec.json.encode(Listen()) + b"\n")
                return msgspec.json.decode(await reader.readline(), type=Heard)
            finally:
                writer.close()
    return Heard()
