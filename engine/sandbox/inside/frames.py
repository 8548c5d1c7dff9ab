"""Frames: four bytes of length, big endian, then as many bytes. Used inside the sandbox and outside.

Standard library only.
"""

from __future__ import annotations

from collections.abc import Callable

HEAD = 4
"""Bytes of the length."""
CALL_BYTES = 4 << 20
"""The longest frame that calls the engine."""
_PART = 1 << 20


def head(size: int) -> bytes:
    """The header of a body of `size` bytes."""
    return size.to_bytes(HEAD, "big")


def pack(body: bytes) -> bytes:
    """A whole frame."""
    return head(len(body)) + body


def size(head: bytes) -> int:
    """How many bytes follow this header."""
    return int.from_bytes(head, "big")


def exactly(receive: Callable[[int], bytes], count: int) -> bytes:
    """Reads exactly `count` bytes with `receive`, which may return fewer bytes; raises `EOFError` at the end."""
    data = bytearray()
    while len(data) < count:
        part = receive(min(count - len(data), _PART))
        if not part:
            raise EOFError
        data += part
    return bytes(data)
