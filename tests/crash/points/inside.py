"""Sandboxes and the grading process inside the process of a command: neither changes a file of the workspace, and to
start them is most of what a command costs.
"""

from __future__ import annotations

import contextlib
import functools
import io
from collections.abc import Callable
from typing import Any

import msgspec
from msgspec.structs import replace

from engine import pipes
from engine.grading.client import Grader
from engine.grading.process import Service
from engine.loop import launch
from engine.run import domain_session
from engine.run.live_run import Ports
from engine.sandbox import Broker, Isolation, Job, Outcome, Preparation, Program
from engine.sandbox.inside.context import Context, Instance
from engine.sandbox.sandbox import JobResult


class Box:
    """A harness that is prepared, without limits; it asks no model."""

    cause = None

    def __init__(self, program: Program) -> None:
        harness: dict[str, Any] = {"__name__": "harness"}
        exec(program.files[program.entry], harness)  # noqa: S102 - the toy's own
        self._solve: Callable[[Instance, Context], Any] = harness["solve"]
        train = [Instance(one.id, one.data, one.label) for one in program.train]
        self._ctx = functools.partial(Context, _refuse, params=program.params, folders=program.folders, train=train)
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            self._prepared = harness["prepare"](self._ctx(program.seed))
        self.prepared = Preparation(None, 0.01, 0.01, said.getvalue())

    @classmethod
    async def start(cls, program: Program, isolation: Isolation, broker: Broker) -> Box:
        """A box for a program."""
        return cls(program)

    async def run(self, job: Job) -> JobResult:
        """Runs a job."""
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            answer = self._solve(Instance(job.instance_id, job.data), self._ctx(job.seed, prepared=self._prepared))
        return JobResult(Outcome(job.key, answer, None, 0.01, 0.01, said.getvalue()), False)

    async def close(self) -> None:
        """Nothing is left to end."""


def _refuse(operation: str, arguments: Any) -> Any:
    raise AssertionError(operation)


async def _call(self: Any, operation: str, *arguments: Any, timeout: float) -> Any:
    async with self._turn:
        if self._process is None:
            self._process = Service(self.folder.path, self.data, self._isolation, lambda *_: None)
        asked = msgspec.msgpack.decode(pipes._encode(arguments))
        return msgspec.msgpack.decode(pipes._encode(getattr(self._process, operation)(*asked)))


async def _close(self: Any) -> None:
    self._process = None


def keep_inside() -> Callable[[], None]:
    """Finds out what isolation this machine offers; returns what makes a command in a fork start no process for it."""
    isolation, ports = domain_session.choose_isolation(unsafe=False), launch._ports

    def inside(*arguments: Any) -> Ports:
        return replace(ports(*arguments), start=Box.start)

    def become() -> None:
        launch._ports = inside
        domain_session.probe = lambda: isolation
        Grader._call, Grader.close = _call, _close  # type: ignore[method-assign]

    return become
