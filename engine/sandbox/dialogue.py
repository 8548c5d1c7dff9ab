"""The host's side of one conversation: serves calls, keeps the time, and stops when a limit is hit."""

from __future__ import annotations

import asyncio
import time
from typing import NamedTuple

from engine.failure import Failure
from engine.sandbox.channel import AnswerFrame, CallFrame, Conversation, ErrorFrame, Malformed
from engine.sandbox.program import Broker, CallRefused, failure
from engine.sandbox.watch import Watch

TICK_S = 0.2


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
    """Serves the harness until it answers or must be stopped. Time in the broker does not count as the harness's."""
    waited, ordinal, refused = 0.0, 0, False
    while True:
        task = asyncio.ensure_future(talk.receive())
        try:
            while not task.done():
                before = time.monotonic()
                await asyncio.wait({task}, timeout=TICK_S)
                waited += time.monotonic() - before
                if task.done():
                    break
                if excess := watch.excess():
                    return Ending(excess, waited, refused)
                if waited > wall_limit_s:
                    late = failure("timeout", f"took longer than {wall_limit_s:g} s of wall time")
                    return Ending(late, waited, refused, late=True)
            frame = task.result()
        except Malformed as error:
            return Ending(failure("candidate", f"broke the channel to the engine: {error}"), waited, refused)
        finally:
            task.cancel()
        if not isinstance(frame, CallFrame):
            return Ending(frame, waited, refused)
        call = asyncio.ensure_future(broker.call(key, frame.op, frame.payload, ordinal))
        try:
            while not call.done():
                await asyncio.wait({call}, timeout=TICK_S)
                if not call.done() and (excess := watch.excess()):
                    return Ending(excess, waited, refused)
            reply = ["reply", call.result()]
        except CallRefused as error:
            reply, refused = ["refused", str(error)], True
        finally:
            call.cancel()
        await talk.send(reply)
        ordinal += 1
