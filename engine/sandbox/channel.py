"""The host's ends of the channels into a sandbox. Everything that arrives is untrusted and is checked here."""

from __future__ import annotations

import array
import asyncio
import contextlib
import os
import socket
import struct
from collections.abc import Sequence
from typing import Any

import msgspec

from engine.sandbox import messages
from engine.sandbox.inside import frames
from engine.sandbox.inside.frames import CALL_BYTES
from engine.sandbox.messages import Frame, Malformed

AT_ONCE = 16 << 10
"""Bytes of a frame that is decoded at once; larger ones are decoded in a thread, so that the event loop goes on."""
_CREDENTIALS = struct.Struct("iII")


def receive_from(end: socket.socket, most: int) -> tuple[bytes, int]:
    """Up to `most` bytes and the id of their sender, as the kernel reports it, or 0. SO_PASSCRED must be set."""
    data, extra, _, _ = end.recvmsg(most, socket.CMSG_SPACE(_CREDENTIALS.size))
    for level, kind, content in extra:
        if data and (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS):
            return data, int(_CREDENTIALS.unpack(content[: _CREDENTIALS.size])[0])
    return data, 0


class Conversation:
    """The stream of one `solve` or of `prepare`: calls, then an answer or an error."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer_bytes: int) -> None:
        self._reader, self._writer, self._answer_bytes = reader, writer, answer_bytes

    @classmethod
    async def open(cls, end: socket.socket, answer_bytes: int) -> Conversation:
        """Opens it on a connected socket. A call above `CALL_BYTES` or an answer above `answer_bytes` is malformed."""
        return cls(*await asyncio.open_unix_connection(sock=end), answer_bytes)

    async def receive(self) -> Frame | None:
        """The next frame; None at the end of the stream. Raises `Malformed`."""
        try:
            size = frames.size(await self._reader.readexactly(frames.HEAD))
            if size > max(CALL_BYTES, self._answer_bytes):
                raise Malformed(f"a frame of {size} bytes")
            body = await self._reader.readexactly(size)
        except asyncio.IncompleteReadError as error:
            if error.partial:
                raise Malformed("a frame that breaks off") from None
            return None
        except OSError:
            return None
        if size <= AT_ONCE:
            return messages.decode(body, self._answer_bytes)
        return await asyncio.to_thread(messages.decode, body, self._answer_bytes)

    async def send(self, message: Any) -> None:
        """Sends a reply; does nothing if the harness has ended."""
        with contextlib.suppress(OSError):
            self._writer.write(frames.pack(msgspec.msgpack.encode(message)))
            await self._writer.drain()

    def close(self) -> None:
        self._writer.close()


class Control:
    """The stream to the worker or to a slot; it can carry file descriptors."""

    def __init__(self, end: socket.socket) -> None:
        end.setblocking(False)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self._socket = end
        self._loop = asyncio.get_running_loop()

    async def ready(self) -> int:
        """Waits for the first frame; returns its sender's process id, as the kernel reports it."""
        await self._readable()
        data, pid = receive_from(self._socket, 64)
        if not data or not pid:
            raise EOFError
        return pid

    async def send(self, message: Any, descriptors: Sequence[int] = ()) -> None:
        """Sends a frame, with descriptors on its first bytes. Raises OSError if the other end is closed."""
        frame = message if isinstance(message, bytes) else msgspec.msgpack.encode(message)
        rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))
        # four bytes always fit: a control stream carries one request at a time
        self._socket.sendmsg([frames.head(len(frame))], [rights] if descriptors else [])
        await self._loop.sock_sendall(self._socket, frame)

    async def receive(self, most: int = 1 << 12) -> Any:
        """The next frame. Raises EOFError or `Malformed`."""
        size = frames.size(await self._exactly(frames.HEAD))
        if size > most:
            raise Malformed(f"a frame of {size} bytes")
        try:
            return msgspec.msgpack.decode(await self._exactly(size))
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise Malformed(str(error)) from None

    async def wait_closed(self) -> None:
        """Waits until the last process that holds the other end has ended."""
        with contextlib.suppress(OSError):
            while await self._loop.sock_recv(self._socket, 1 << 16):
                pass

    def close(self) -> None:
        self._socket.close()

    async def _exactly(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            try:
                part = await self._loop.sock_recv(self._socket, size - len(data))
            except OSError:
                part = b""
            if not part:
                raise EOFError
            data += part
        return bytes(data)

    async def _readable(self) -> None:
        event = asyncio.Event()
        self._loop.add_reader(self._socket, event.set)
        try:
            await event.wait()
        finally:
            self._loop.remove_reader(self._socket)


class Output:
    """The pipe for what a job prints: keeps the first `most` bytes, then reads and drops the rest."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept = bytearray()
        self.size = 0
        self._ended = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._read, self.write = os.pipe()
        os.set_blocking(self._read, False)
        self._loop.add_reader(self._read, self._take)

    def close_write_end(self) -> None:
        """Closes our copy of the write end, after the sandbox has got its own."""
        os.close(self.write)
        self.write = -1

    async def wait_closed(self, patience_s: float) -> None:
        """Waits until all output is read, at most `patience_s`: a process may keep the other end open."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                await self._ended.wait()

    def text(self) -> str:
        """The output as valid text, with a note if some was dropped."""
        text = self._kept.decode("utf-8", "replace")
        dropped = self.size - len(self._kept)
        return f"{text}\n[{dropped} more bytes of output left out]\n" if dropped else text

    def close(self) -> None:
        if self.write >= 0:
            self.close_write_end()
        if self._read >= 0:
            self._loop.remove_reader(self._read)
            os.close(self._read)
            self._read = -1

    def _take(self) -> None:
        try:
            part = os.read(self._read, 1 << 16)
        except BlockingIOError:
            return
        self.size += len(part)
        self._kept += part[: max(0, self._most - len(self._kept))]
        if not part:
            self._loop.remove_reader(self._read)
            self._ended.set()
