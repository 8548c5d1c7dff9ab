"""The host's side of one conversation: it serves calls, and a clock beside it stops it when a limit is exceeded."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

from engine.failure import Failure
from engine.sandbox.channel import Conversation
from engine.sandbox.messages import AnswerFrame, CallFrame, ErrorFrame, Malformed
from engine.sandbox.program import Broker, CallRefused, failure
from engine.sandbox.watch import Watch

MOST_CALLS = 1024
"""Calls of every kind in one conversation, refused ones too."""


class Ending(NamedTuple):
    """How a conversation ended.

    `result` is the harness's last frame, None if the stream ended without one, or the failure for which the host
    stopped listening. `late` marks a timeout that may be the machine's fault: the job is tried again, alone.
    """

    result: AnswerFrame | ErrorFrame | Failure | None
    wall_s: float
    refused: bool
    late: bool = False


async def listen(talk: Conversation, watch: Watch, wall_limit_s: float, key: str | None, broker: Broker) -> Ending:
    """Serves the harness until it answers or exceeds a limit, whatever it sends.

    The wall time is the harness's own: all but that in which the broker serves a call.
    """
    spent = _Spent()
    serving = asyncio.ensure_future(_serve(talk, key, broker, spent))
    try:
        while True:
            await asyncio.wait({serving}, timeout=watch.tick_s)
            wall_s = spent.seconds()
            if serving.done() and (serving.exception() or wall_s <= wall_limit_s):
                return Ending(serving.result(), wall_s, spent.refused)
            if wall_s > wall_limit_s:
                late = failure("timeout", f"took longer than {wall_limit_s:g} s of wall time")
                return Ending(late, wall_s, spent.refused, late=True)
            if excess := watch.excess():
                return Ending(excess, wall_s, spent.refused)
    finally:
        serving.cancel()


@dataclass
class _Spent:
    """What the harness has spent: seconds, without those of the broker, and whether a call was refused."""

    refused: bool = False
    _counted_s: float = 0.0
    _running_since: float | None = field(default_factory=time.monotonic)

    def seconds(self) -> float:
        running_s = 0.0 if self._running_since is None else time.monotonic() - self._running_since
        return self._counted_s + running_s

    @contextmanager
    def paused(self) -> Iterator[None]:
        self._counted_s, self._running_since = self.seconds(), None
        try:
            yield
        finally:
            self._running_since = time.monotonic()


async def _serve(
    talk: Conversation, key: str | None, broker: Broker, spent: _Spent
) -> AnswerFrame | ErrorFrame | Failure | None:
    try:
        for ordinal in range(MOST_CALLS + 1):
            frame = await talk.receive()
            if not isinstance(frame, CallFrame):
                return frame
            if ordinal == MOST_CALLS:
                break
            try:
                with spent.paused():
                    reply = ["reply", await broker.call(key, frame.op, frame.payload, ordinal)]
            except CallRefused as error:
                reply, spent.refused = ["refused", str(error)], True
            await talk.send(reply)
    except Malformed as error:
        return failure("candidate", f"broke the channel to the engine: {error}")
    return failure("resource", f"called the engine more than {MOST_CALLS} times")
