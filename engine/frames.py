"""Length-prefixed MessagePack between the engine and the processes that it starts."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import signal
from collections.abc import AsyncIterator
from typing import Any, BinaryIO

import msgspec

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode


def pack(message: Any) -> bytes:
    """One frame: four bytes of length, big endian, and the message."""
    body = _encode(message)
    return len(body).to_bytes(4, "big") + body


def read(stream: BinaryIO) -> Any:
    """The next message of a blocking stream, or None at its end."""
    head = stream.read(4)
    if len(head) < 4:
        return None
    return _decode(stream.read(int.from_bytes(head, "big")))


def die_with_parent() -> None:
    """Ties this process to the one that started it, also where that is killed (PR_SET_PDEATHSIG; Linux only)."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)


async def lines(stream: asyncio.StreamReader) -> AsyncIterator[str]:
    """What a process prints, a line at a time; of one that is longer than any buffer, the end."""
    rest = ""
    while chunk := await stream.read(1 << 16):
        *whole, rest = (rest + chunk.decode(errors="replace"))[-(1 << 16) :].split("\n")
        for line in whole:
            yield line.rstrip()
    if rest:
        yield rest.rstrip()


async def receive(stream: asyncio.StreamReader) -> Any:
    """The next message; raises `asyncio.IncompleteReadError` at the end of the stream."""
    head = await stream.readexactly(4)
    return _decode(await stream.readexactly(int.from_bytes(head, "big")))
