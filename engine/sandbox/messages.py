"""What a harness may send: its frames, and how they are decoded. Every byte is untrusted.

Decoding holds up every thread of this process, so its cost is bounded beforehand: what a frame holds is counted without
decoding it. The time of what remains grows with the bytes, of which the channel limits the number.
"""

from __future__ import annotations

import gc
from typing import Any, Literal

import msgspec

from engine import plain
from engine.sandbox.inside.frames import CALL_BYTES

_VALUE, _TEXT, _CONTAINER = 1, 2, 8
"""The cost of decoding a value: a number takes some 40 ns, a list or a map ten times as long."""
MOST_COST, CALL_COST = 1 << 20, 1 << 15
"""Limits on the costs of all values together, in an answer and in a call: a million numbers, 130,000 lists or maps."""


class CallFrame(msgspec.Struct, frozen=True, array_like=True, tag="call"):
    """The harness calls the broker."""

    op: str
    payload: Any


class AnswerFrame(msgspec.Struct, frozen=True, array_like=True, tag="answer"):
    """The harness has returned."""

    value: Any


class ErrorFrame(msgspec.Struct, frozen=True, array_like=True, tag="raised"):
    """The harness has raised an exception; `kind` is what it claims."""

    kind: Literal["candidate", "resource", "model"]
    message: str


class Malformed(Exception):
    """What arrived is not a valid frame."""


_ANSWER = b"\x92\xa6answer"
Frame = CallFrame | AnswerFrame | ErrorFrame


def no_extension(code: int, _data: memoryview) -> Any:
    """An `ext_hook` that rejects every MessagePack extension: unknown code would decode it."""
    raise ValueError(f"MessagePack extension {code}")


_decoder: msgspec.msgpack.Decoder[Frame] = msgspec.msgpack.Decoder(Frame, ext_hook=no_extension)


def decode(body: bytes, answer_bytes: int) -> Frame:
    """The frame in `body`; raises `Malformed`. An answer that is not plain is the harness's own error."""
    try:
        cost = _cost(body)
        frame = _decoded(body)
        if isinstance(frame, AnswerFrame):
            if len(body) > answer_bytes:
                raise Malformed(f"an answer of {len(body)} bytes")
            plain.check(frame.value)
        elif isinstance(frame, CallFrame):
            if len(body) > CALL_BYTES or cost > CALL_COST:
                raise Malformed(f"a call of {len(body)} bytes, or of too many values")
            plain.check(frame.payload)
    except plain.NotPlain as error:
        if body.startswith(_ANSWER):
            return ErrorFrame("candidate", f"its answer holds {error}")
        raise Malformed(str(error)) from None
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise Malformed(str(error)) from None
    return frame


def _decoded(body: bytes) -> Frame:
    """Pauses the garbage collector: 130,000 new lists would make it visit all other objects again and again."""
    collects = gc.isenabled()
    gc.disable()
    try:
        return _decoder.decode(body)
    finally:
        if collects:
            gc.enable()


def _widths() -> list[int]:
    """By the first byte of a value: the bytes up to the next one, or minus the width of the length that follows.

    https://github.com/msgpack/msgpack/blob/master/spec.md
    """
    widths = [1] * 256
    widths[0xA0:0xC0] = range(1, 33)  # short texts
    for first, width in ((0xC4, 1), (0xC7, 1), (0xD9, 1)):  # bytes, extensions, texts: lengths of 1, 2 and 4 bytes
        for step in range(3):
            widths[first + step] = -(width << step)
    for first, sizes in ((0xCA, (5, 9)), (0xCC, (2, 3, 5, 9)), (0xD0, (2, 3, 5, 9)), (0xD4, (3, 4, 6, 10, 18))):
        widths[first : first + len(sizes)] = sizes  # floats, ints, short extensions
    widths[0xDC:0xE0] = (3, 5, 3, 5)  # lists and maps, whose items follow
    return widths


_WIDTHS = _widths()
_EXTENSIONS = (0xC7, 0xC8, 0xC9)
_MAPS, _LISTS = frozenset([*range(0x80, 0x90), 0xDE, 0xDF]), frozenset([*range(0x90, 0xA0), 0xDC, 0xDD])
_TEXTS = frozenset([*range(0xA0, 0xC0), 0xD9, 0xDA, 0xDB])


def _cost(body: bytes) -> int:
    """An upper bound on the cost of decoding `body`; raises `NotPlain` where it is too high.

    Keys must be texts, whose hashes cannot be predicted: lists as keys, with equal hashes, would take hours.
    """
    end = len(body)
    if _CONTAINER * end <= CALL_COST:
        return CALL_COST
    at = cost = 0
    left, is_map, outer = 1, False, list[tuple[int, bool]]()
    while at < end:
        first = body[at]
        if is_map and not left & 1 and first not in _TEXTS:
            raise plain.NotPlain("a map with a key that is no text")
        width = _WIDTHS[first]
        left -= 1
        if first in _MAPS or first in _LISTS:
            outer.append((left, is_map))
            is_map = first in _MAPS
            left = (int.from_bytes(body[at + 1 : at + width]) if width > 1 else first & 15) << is_map
            cost += _CONTAINER
        elif width < 0:
            width = 1 - width + int.from_bytes(body[at + 1 : at + 1 - width]) + (first in _EXTENSIONS)
            cost += _TEXT
        else:
            cost += _TEXT if first in _TEXTS else _VALUE
        while left == 0 and outer:
            left, is_map = outer.pop()
        at += width
        if cost > MOST_COST:
            raise plain.NotPlain("more values than sia takes; return large arrays as bytes")
    return cost
