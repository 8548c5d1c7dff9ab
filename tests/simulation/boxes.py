"""Sandboxes of a simulated machine, in which a harness asks the model once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from engine.sandbox import (
    Broker,
    CallRefused,
    DiedError,
    Failure,
    Isolation,
    Job,
    Outcome,
    Preparation,
    Program,
    StartError,
)
from engine.sandbox.sandbox import JobResult
from tests.simulation.world import roll

if TYPE_CHECKING:
    from tests.simulation.machine import Machine


class Box:
    """A sandbox whose harness asks the model once."""

    def __init__(self, machine: Machine, program: Program, broker: Broker) -> None:
        self._machine, self._program, self._broker = machine, program, broker
        self.prepared = Preparation(None, 0.1, 0.1, "")
        self.cause: Failure | None = None

    async def run(self, job: Job) -> JobResult:
        machine, skill = self._machine, int(self._program.params["skill"])
        fault = machine.point("solve", "killed from outside", "out of memory")
        await asyncio.sleep(0.02 * roll(job.key, skill))
        full, again = "memory" in fault, (job.key, skill) in machine.tried
        machine.tried.add((job.key, skill))
        if fault and not (full and again):  # whoever is tried again is alone, and has room: memory was the machine's
            self.cause = Failure("resource" if full else "infrastructure", fault)
            raise DiedError(self.cause, unclear=True)
        if machine.world.fails(job.data, skill):
            return JobResult(_outcome(job, None, Failure("candidate", "ValueError")), False)
        asked = {"messages": [f"solve {job.data} {skill}"], "max_tokens": 16}
        try:
            reply = await self._broker.call(job.key, "model.chat", asked, 0)
        except CallRefused as error:
            return JobResult(_outcome(job, None, Failure("model", str(error))), False)
        machine.point("solved")
        return JobResult(_outcome(job, int(reply["text"]), None), False)

    async def close(self) -> None:
        pass


def starter(machine: Machine) -> Any:
    """What starts sandboxes on that machine."""

    async def start(program: Program, isolation: Isolation, broker: Broker) -> Box:
        if machine.point("start", "fork: Resource temporarily unavailable"):
            raise StartError("fork: Resource temporarily unavailable")
        return Box(machine, program, broker)

    return start


def _outcome(job: Job, answer: Any, failure: Failure | None) -> Outcome:
    return Outcome(job.key, answer, failure, 0.01, 0.02, "")
