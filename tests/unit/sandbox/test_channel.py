"""The host's ends of the channels: the size of a frame is checked before a byte of it is waited for."""

from __future__ import annotations

import asyncio
import socket

import pytest

from engine.failure import Failure
from engine.sandbox.channel import Control, Conversation
from engine.sandbox.dialogue import MOST_CALLS, Ending, listen
from engine.sandbox.inside import frames
from engine.sandbox.inside.frames import CALL_BYTES
from engine.sandbox.messages import CallFrame, Malformed
from engine.sandbox.program import CallRefused

LONG_S = 30.0


@pytest.mark.parametrize("answer_bytes", [1 << 10, CALL_BYTES + 100])
def test_a_frame_that_claims_too_much_is_malformed_before_it_has_come(answer_bytes: int) -> None:
    """An engine that waited for it would keep what has come in memory, up to 4 GB."""

    async def go() -> None:
        ours, theirs = socket.socketpair()
        talk = await Conversation.open(ours, answer_bytes)
        try:
            theirs.sendall(frames.head(max(CALL_BYTES, answer_bytes) + 1))
            with pytest.raises(Malformed, match="a frame of"):
                await asyncio.wait_for(talk.receive(), LONG_S)
        finally:
            theirs.close()  # before it: what waits for more ends here
            talk.close()

    asyncio.run(go())


def test_a_report_that_claims_too_much_is_malformed_before_it_has_come() -> None:
    async def go() -> None:
        ours, theirs = socket.socketpair()
        control = Control(ours)
        try:
            theirs.sendall(frames.head((1 << 12) + 1))
            with pytest.raises(Malformed, match="a frame of 4097 bytes"):
                await asyncio.wait_for(control.receive(), LONG_S)
        finally:
            theirs.close()
            control.close()

    asyncio.run(go())


class Endless:
    """A harness that asks and asks, and a watch that finds nothing wrong."""

    tick_s = 0.1

    async def receive(self) -> CallFrame:
        return CallFrame("tools.call", None)

    async def send(self, message: object) -> None:
        pass

    def excess(self) -> Failure | None:
        return None


class Refusing:
    def __init__(self) -> None:
        self.calls = 0

    async def call(self, key: str | None, op: str, payload: object, ordinal: int) -> object:
        self.calls += 1
        if self.calls > 2 * MOST_CALLS:
            raise AssertionError("nobody counts")
        raise CallRefused("no")


def test_refused_calls_are_counted_too() -> None:
    broker = Refusing()

    async def go() -> Ending:
        one = Endless()
        return await listen(one, one, LONG_S, None, broker)  # type: ignore[arg-type]

    ending = asyncio.run(go())
    assert isinstance(ending.result, Failure)
    assert (ending.result.kind, broker.calls) == ("resource", MOST_CALLS)
