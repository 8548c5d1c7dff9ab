"""The inputs and outputs of a sandbox, and the broker that it calls: plain data and one protocol."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import msgspec

from domains.contract import Instance, Limits
from engine.failure import Failure, FailureKind
from engine.sandbox.inside.harness import one_line


def failure(kind: FailureKind, message: str) -> Failure:
    """A `Failure` from untrusted text, cut to one printable line of at most `MESSAGE_CHARS` characters."""
    return Failure(kind, one_line(message))


class Job(msgspec.Struct, frozen=True):
    """One `solve`: `key` identifies it to the broker and in its outcome; `seed` seeds `ctx.rng`.

    `line`, for a job that a grader talks to while it runs, is a socket and a memory file that both share.
    """

    key: str
    instance_id: str
    data: Any
    seed: int
    line: tuple[int, int] | None = None


class Outcome(msgspec.Struct, frozen=True):
    """The outcome of a job: an answer or a failure, what it used, and what it printed.

    `answer` holds only None, bool, int, float, str, bytes, lists and maps. `cpu_s` counts every process that the solve
    started; `wall_s` excludes the broker's time. `log` is valid text of at most `Limits.output_kb`: stdout, stderr and
    `ctx.log` in the order written.
    """

    key: str
    answer: Any
    failure: Failure | None
    cpu_s: float
    wall_s: float
    log: str


class Preparation(msgspec.Struct, frozen=True):
    """The outcome of `prepare`; a failure here is the failure of every job."""

    failure: Failure | None
    cpu_s: float
    wall_s: float
    log: str


@dataclass(frozen=True)
class Program:
    """A harness ready to run: its files, and everything that `ctx` offers it. `train` has labels.

    `devices` are additional nodes of /dev, such as a GPU's.
    `folders` maps the names in `ctx.folders` to folders of this machine; they are read-only inside.
    `writable_tmp` makes /tmp and /dev/shm writable, for programs that need them. Use it with `isolation = "instance"`
    only: otherwise a job would find the files of an earlier one.
    With a `command` it is any program, and has no `entry`; `answer` says what it prints.
    `gateway` opens the model gateway on the sandbox's loopback.
    `tools` describes those of the domain, for `ctx.tools.all`.
    `private` folders are never visible, even where a folder around them is: the domain, say.
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
    writable_tmp: bool = False
    private: Sequence[str] = ()
    gateway: bool = False
    command: Sequence[str] = ()
    answer: Literal["text", "json"] = "text"
    tools: Sequence[Mapping[str, Any]] = ()


class CallRefused(Exception):
    """The broker refuses a call (a budget is spent, a tool is unknown). The harness receives an exception; a solve
    that does not catch it fails with the kind `model`."""


class NoBroker:
    """The broker of programs that have no model and no tools."""

    async def call(self, job_key: str | None, op: str, payload: Any, ordinal: int) -> Any:
        """Raises `CallRefused`."""
        raise CallRefused(f"there is no {op} here")


class Broker(Protocol):
    """The engine's end of `ctx.model` and `ctx.tools`."""

    async def call(self, job_key: str | None, op: str, payload: Any, ordinal: int) -> Any:
        """Answers one call or raises `CallRefused`; any other exception ends the whole execution.

        `op` is `model.chat`, `model.score`, `tools.call`, or whatever else a hostile harness sends: check it, and
        `payload` too. `ordinal` counts the calls of this job from 0, and starts again at 0 when a job is retried.
        `job_key` is None in `prepare`.
        """
        ...
