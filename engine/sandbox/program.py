"""What a sandbox is given, what it gives back, and whom it asks: plain data and one protocol."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import msgspec

from domains.contract import Instance, Limits
from engine.failure import Failure, FailureKind
from engine.sandbox.inside.harness import one_line


def failure(kind: FailureKind, message: str) -> Failure:
    """A `Failure` from text that nobody has checked: one printable line of at most `MESSAGE_CHARS` characters."""
    return Failure(kind, one_line(message))


class Job(msgspec.Struct, frozen=True):
    """One `solve`: `key` names it to the broker and in its outcome; `seed` seeds `ctx.rng`.

    `line` is, where a grader works with the job while it runs, a socket to it and the memory that both see.
    """

    key: str
    instance_id: str
    data: Any
    seed: int
    line: tuple[int, int] | None = None


class Outcome(msgspec.Struct, frozen=True):
    """What came of a job: an answer or a failure, what it used, and all that it printed.

    `answer` holds nothing but None, bool, int, float, str, bytes, lists and maps. `cpu_s` counts every process
    that the solve started; `wall_s` leaves out the time that the broker took. `log` is valid text of at most
    `Limits.output_kb`, stdout, stderr and `ctx.log` in the order in which they came.
    """

    key: str
    answer: Any
    failure: Failure | None
    cpu_s: float
    wall_s: float
    log: str


class Prepared(msgspec.Struct, frozen=True):
    """What came of `prepare`; a failure here is the failure of every job."""

    failure: Failure | None
    cpu_s: float
    wall_s: float
    log: str


@dataclass(frozen=True)
class Program:
    """A harness ready to run: its files, and everything that `ctx` offers it. `train` carries its labels.

    `devices` are nodes of /dev that it sees beside the usual ones: a GPU's.
    `folders` are folders of this machine, by the names under which `ctx.folders` has their paths; read-only inside.
    With `roomy`, /tmp and /dev/shm can be written too, for programs that know no other place; that goes with
    `isolation = "instance"` only, for what one job leaves there the next would find.
    """

    files: Mapping[str, bytes]
    entry: str
    params: Mapping[str, Any] = field(default_factory=dict)
    train: Sequence[Instance] = ()
    seed: int = 0
    limits: Limits = field(default_factory=Limits)
    isolation: Literal["execution", "instance"] = "execution"
    devices: Sequence[str] = ()
    folders: Mapping[str, str] = field(default_factory=dict)
    roomy: bool = False


class CallRefused(Exception):
    """The broker says no (a budget is spent, a tool is unknown). The harness gets it as an exception; a solve
    that lets it pass has failed with the kind `model`."""


class Broker(Protocol):
    """The engine's end of `ctx.model` and `ctx.tools`."""

    async def call(self, job_key: str | None, op: str, payload: Any, ordinal: int) -> Any:
        """Answers one call, or raises `CallRefused`; any other exception ends the whole execution.

        `op` is `model.chat`, `model.score`, `tools.call`, or whatever else a hostile harness sends: check it, and
        `payload` too. `ordinal` counts the calls of this job from 0, and starts again at 0 when a job is retried.
        `job_key` is None in `prepare`.
        """
        ...
