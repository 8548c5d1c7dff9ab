"""Length-prefixed MessagePack between the engine and the processes that it starts."""

from __future__ import annotations

import asyncio
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


async def receive(stream: asyncio.StreamReader) -> Any:
    """The next message; raises `asyncio.IncompleteReadError` at the end of the stream."""
    head = await stream.readexactly(4)
    return _decode(await stream.readexactly(int.from_bytes(head, "big")))
