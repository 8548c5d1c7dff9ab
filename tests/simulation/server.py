"""The server of every model of a simulated machine: it bills what reaches it, whoever still waits for the reply."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from engine.events import types as t
from engine.events.event import Event
from engine.events.storage import blobs
from engine.models.protocol import (
    Abilities,
    OnText,
    PermanentError,
    Reply,
    Request,
    RetryableError,
    ScoreReply,
    UnusableReply,
)
from tests.simulation.world import roll

if TYPE_CHECKING:
    from tests.simulation.machine import Machine

FAULTS = ("overloaded", "error", "cut", "cut and silent", "key refused")


class Server:
    """Counts replies by their requests, each of which belongs to one position in a run.

    `interrupted` are those that nobody could record, as the engine, or what it did, had ended; `wrong` is what no
    engine of the lineage should have asked.
    """

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.recorded: set[str] = set()
        self.billed = Counter[str]()
        self.interrupted = Counter[str]()
        self.asked = set[str]()
        self.wrong: list[str] = []
        self._lines: dict[str, Line] = {}

    def line(self) -> Line:
        """The server as one engine reaches it."""
        return Line(self)

    def connect(self, run: str, line: Line) -> None:
        """The engine that calls through `line` works on that run."""
        self._lines[run] = line

    def disconnect(self, run: str, *, interrupted: bool) -> None:
        """That engine has ended; what it has not recorded is lost, which is wrong unless it was `interrupted`."""
        line = self._lines.pop(run)
        self.interrupted += line.open
        if not interrupted and line.open:
            self.wrong.append(f"paid replies are in no log: {sorted(line.open)}")

    def die(self) -> None:
        """All engines have ended."""
        for run in list(self._lines):
            self.disconnect(run, interrupted=True)
        self.asked.clear()

    def acknowledge(self, event: Event) -> None:
        """An engine was told that the event is in its log."""
        match event.payload:
            case t.ModelCalled(request=name, reused=reused):
                self.recorded.add(name)
            case t.ModelWasted(request=name):
                reused = False
            case _:
                return
        if not reused and (line := self._lines.get(event.run)):
            line.open -= Counter([name])


class Line:
    """One engine's way to the server. `open` are requests that were billed, and are not yet in the log."""

    weights = "simulated"
    abilities = Abilities()

    def __init__(self, server: Server) -> None:
        self._server = server
        self.open = Counter[str]()

    async def chat(self, request: Request, on_text: OnText | None = None) -> Reply:
        server, machine = self._server, self._server.machine
        name, text = blobs.digest(msgspec.json.encode(request, order="deterministic")), request.messages[-1].text
        if name in server.recorded:
            server.wrong.append(f"{text!r} was sent again, and its reply was in the log")
        if name in server.asked:
            server.wrong.append(f"{text!r} was sent by two engines at the same time")
        fault = machine.point("send", *FAULTS)
        if fault not in ("overloaded", "error", "key refused"):
            server.billed[name] += 1
            self.open[name] += 1
        server.asked.add(name)
        try:
            await asyncio.sleep(0.01 + 0.2 * roll(name))
        finally:
            server.asked.discard(name)
        if fault in FAULTS[:2]:
            raise RetryableError(fault, status=529 if fault == "overloaded" else 500)
        if fault == "key refused":
            raise PermanentError("the key is not valid", "check it", status=401)
        reply = machine.world.reply(request)
        if fault:
            raise UnusableReply(f"the reply was {fault}", b'{"text": "7', reply.usage if fault == "cut" else None)
        machine.point("answered")
        return reply

    async def score(self, prompt: str, continuations: Sequence[str], *, adapter: str | None = None) -> ScoreReply:
        raise PermanentError("no scores", "use chat")

    async def close(self) -> None:
        pass
