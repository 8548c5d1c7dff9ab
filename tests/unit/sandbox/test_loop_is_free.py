"""What one frame of a harness costs the thread of the event loop, measured in CPU time of that thread."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import time
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from engine.evaluation import answer_codec
from engine.sandbox.channel import Conversation
from engine.sandbox.inside import frames
from engine.sandbox.messages import AnswerFrame, ErrorFrame, Frame, Malformed
from tests.unit.sandbox.test_messages import FIXED, equal_hashes, list_of

ANSWER_BYTES = 1 << 20
"""The default of `answer_kb`."""
SECONDS = 0.05

BODIES: dict[str, Callable[[], bytes]] = {
    "four million lists": lambda: list_of(4_000_000, b"\x90" * 4_000_000),
    "a million nests": lambda: list_of(1_000_000, b"\x91\x91\x91\xc0" * 1_000_000),
    "keys of equal hash": lambda: equal_hashes(20_000),
    "lists for a whole answer": lambda: list_of(120_000, b"\x90" * 120_000),
    "numbers for a whole answer": lambda: list_of(1_000_000, b"\x01" * 1_000_000),
    "texts for a whole answer": lambda: list_of(500_000, b"\xa1\x01" * 500_000),
    "one text for a whole answer": lambda: FIXED + b"\xdb" + (1_000_000).to_bytes(4, "big") + b"\x01" * 1_000_000,
    "bytes for a whole answer": lambda: msgspec.msgpack.encode(["answer", bytes(1_000_000)]),
    "the longest call": lambda: msgspec.msgpack.encode(["call", "model.chat", "x" * 4_000_000]),
    "an endless message": lambda: msgspec.msgpack.encode(["raised", "candidate", "é" * 2_000_000]),
}


async def received(body: bytes) -> tuple[Frame | str, float]:
    """The frame, or why there is none; and the CPU seconds of this thread to receive it and to pack it for the log."""
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    talk = await Conversation.open(ours, ANSWER_BYTES)
    sending = asyncio.create_task(
        asyncio.to_thread(lambda: (theirs.setblocking(True), theirs.sendall(frames.pack(body))))
    )
    before = time.thread_time()
    found: Frame | str
    try:
        found = await talk.receive() or "the end"
        if isinstance(found, AnswerFrame):
            answer_codec.pack(found.value)
    except Malformed as error:
        found = str(error)
    spent = time.thread_time() - before
    theirs.close()
    talk.close()
    with contextlib.suppress(OSError):
        await sending
    return found, spent


def pace() -> float:
    """How much slower than usual this machine is now, at least 1."""

    def work() -> float:
        before = time.thread_time()
        sum(number % 7 for number in range(200_000))
        return time.thread_time() - before

    return max(1.0, min(work() for _ in range(3)) / 0.02)


@pytest.mark.parametrize("name", BODIES)
def test_no_frame_takes_the_loop_for_long(name: str) -> None:
    body = BODIES[name]()
    _, spent = asyncio.run(received(body))
    assert spent < SECONDS * pace()


def test_frames_at_random_are_frames_or_malformed() -> None:
    """Mutations of frames: whatever arrives is a frame of plain values, the harness's failure, or malformed."""
    chance = random.Random(4)
    seeds: list[Any] = [
        ["answer", {"a": [1, 2.5, "x", None, True, b"\0"], "b": {"c": ["y"] * 40}}],
        ["call", "model.chat", {"messages": [{"role": "user", "text": "x"}], "max_tokens": 9}],
        ["raised", "candidate", "what went wrong"],
    ]
    kinds: set[str] = set()

    async def go() -> None:
        for _ in range(300):
            body = bytearray(msgspec.msgpack.encode(chance.choice(seeds)))
            for _ in range(chance.choice([0, 1, 2, 8])):
                body[chance.randrange(len(body))] = chance.choice([chance.randrange(256), 0x90, 0x81, 0xCB, 0xC7, 0xDF])
            found, _ = await received(bytes(body[: chance.choice([len(body), chance.randrange(1, len(body))])]))
            kinds.add(type(found).__name__)
            if isinstance(found, AnswerFrame):
                stored, contents = answer_codec.pack(found.value)
                answer_codec.unpack(stored, lambda _, held=contents: held[0])  # type: ignore[misc]

    asyncio.run(go())
    assert kinds == {"AnswerFrame", "CallFrame", "ErrorFrame", "str"}
    assert ErrorFrame.__name__ in kinds
