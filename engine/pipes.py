"""Pipes between the engine and the processes that it starts: messages in MessagePack, and lines of text."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import signal
from collections.abc import AsyncIterator
from typing import Any, BinaryIO

import msgspec

from engine.sandbox.inside import frames
from engine.sandbox.inside.harness import plain

_encode = msgspec.msgpack.Encoder(enc_hook=plain).encode  # NumPy's numbers are numbers
_decode = msgspec.msgpack.Decoder().decode


def pack(message: Any) -> bytes:
    """A message as one frame."""
    return frames.pack(_encode(message))


def read(stream: BinaryIO) -> Any:
    """The next message of a blocking stream, or None at its end."""
    head = stream.read(frames.HEAD)
    return _decode(stream.read(frames.size(head))) if len(head) == frames.HEAD else None


def die_with_parent() -> None:
    """Ends this process with the one that started it, even if that is killed (PR_SET_PDEATHSIG; Linux only)."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)


async def lines(stream: asyncio.StreamReader) -> AsyncIterator[str]:
    """What a process prints, line by line; only the end of a line that is longer than the buffer."""
    rest = ""
    while chunk := await stream.read(1 << 16):
        *whole, rest = (rest + chunk.decode(errors="replace"))[-(1 << 16) :].split("\n")
        for line in whole:
            yield line.rstrip()
    if rest:
        yield rest.rstrip()


async def receive(stream: asyncio.StreamReader) -> Any:
    """The next message; raises `asyncio.IncompleteReadError` at the end of the stream."""
    head = await stream.readexactly(frames.HEAD)
    return _decode(await stream.readexactly(frames.size(head)))
