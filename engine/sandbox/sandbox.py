"""One running sandbox: runs `prepare` once, then each job in one of its slots."""

from __future__ import annotations

import asyncio
import math
import os
import platform
import signal
import socket
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from domains.contract import Limits
from engine.failure import Failure
from engine.sandbox import cgroup, profile
from engine.sandbox.channel import AnswerFrame, Control, Conversation, ErrorFrame, Malformed, Output
from engine.sandbox.dialogue import Ending, listen
from engine.sandbox.inside.harness import exit_text
from engine.sandbox.isolation import Isolation
from engine.sandbox.launch import STOP_S, Launched, StartError, launch
from engine.sandbox.program import Broker, Job, Outcome, Prepared, Program, failure
from engine.sandbox.watch import MB, Watch

_NPROC_BY_NAMESPACE = (5, 14)  # before this kernel RLIMIT_NPROC counts all that the user runs


class StalledError(StartError):
    """`prepare` went well, and nothing came after it: the harness's doing, or a machine that is very slow."""


class DiedError(Exception):
    """The sandbox is no more. `blamed` says that this very job did it."""

    def __init__(self, cause: Failure, *, blamed: bool = False) -> None:
        super().__init__(cause.message)
        self.cause = cause
        self.blamed = blamed


class Verdict(NamedTuple):
    """An outcome, and whether the job deserves a second try alone before the outcome counts."""

    outcome: Outcome
    doubtful: bool


@dataclass
class Sandbox:
    """Made by `start`. `close` kills every process inside at once and returns when nothing is left of them."""

    program: Program
    isolation: Isolation
    broker: Broker
    launched: Launched
    groups: cgroup.Groups | None
    prepared: Prepared = field(default=Prepared(None, 0.0, 0.0, ""))
    slots: list[Slot] = field(default_factory=list)
    running: set[int] = field(default_factory=set)
    died_with: int = 0
    convicted: bool = False
    cause: Failure | None = None

    @classmethod
    async def start(cls, program: Program, isolation: Isolation, slots: int, broker: Broker) -> Sandbox:
        """Starts a sandbox and prepares the harness. A failure of `prepare` is in `prepared`: no slots then.

        Raises `StartError` where the machine, not the harness, is at fault.
        """
        launched = await launch(program, isolation, slots)
        box = cls(program, isolation, broker, launched, None)
        try:
            if isolation.cgroups and (controllers := cgroup.find()):
                box.groups = cgroup.Groups(controllers)
            await box._prepare(slots)
        except (EOFError, OSError, Malformed, TimeoutError) as error:
            await box.close()
            raise StartError(str(error) or type(error).__name__) from None
        except BaseException:
            await box.close()
            raise
        return box

    @property
    def scratch(self) -> str:
        folder = self.launched.folder
        return str(folder / "scratch") if folder else profile.INSIDE_SCRATCH

    def kill(self, cause: Failure) -> None:
        """Ends it now, for what one job did: the others in flight are not to blame."""
        self.convicted = True
        self.cause = self.cause or cause
        self.launched.kill()

    async def close(self) -> None:
        await self.launched.close()
        for slot in self.slots:
            slot.control.close()
        if self.groups:
            for _ in range(200):
                if self.groups.remove(0.0):
                    break
                await asyncio.sleep(0.005)

    async def end(self) -> Failure:
        """Why it died: by our hand, by a signal from outside, or by its own."""
        if self.cause is None:
            status = await self.launched.exited(0.5)
            if status is not None and status < 0 and self.isolation.mode != "unsafe":
                # Inside there is no name for the outermost process: no harness can have sent this.
                self.cause = failure("infrastructure", f"the sandbox was killed from outside ({exit_text(status)})")
            else:
                self.cause = failure("candidate", "ended the process that runs it")
        return self.cause

    def disturb(self, number: int) -> None:
        """Slot `number` has taken too much: what fails beside it may have failed for that."""
        for other in self.running - {number}:
            self.slots[other].disturbed = True

    def watch(self, pid: int, cpu_limit_s: float, group: cgroup.Group | None, output: Output, name: str) -> Watch:
        scratch = "" if self.isolation.mode == "unsafe" else f"{self.scratch}/{name}"
        return Watch(pid, cpu_limit_s, self.program.limits, group, output, scratch)

    def group(self, name: str, pid: int, spare: int) -> cgroup.Group | None:
        """Puts `pid` into a group of its own, with room for what it forks."""
        if self.groups is None:
            return None
        limits = self.program.limits
        group = self.groups.child(name, processes=limits.processes + spare, memory_mb=limits.memory_mb + limits.disk_mb)
        group.add(pid)
        return group

    async def _prepare(self, slots: int) -> None:
        limits, launched = self.program.limits, self.launched
        group = self.group("worker", launched.pid, slots + 2)
        output = Output(limits.output_kb << 10)
        ours, theirs = socket.socketpair()
        try:
            watch = self.watch(launched.pid, limits.prepare_cpu_s, group, output, "prepare")
            with theirs:
                await launched.control.send(self._start(slots), [theirs.fileno(), output.write])
            output.passed_on()
            talk = await Conversation.open(ours, limits.answer_kb << 10)
            try:
                ending = await listen(talk, watch, limits.prepare_wall_s, None, self.broker)
                fault: Failure | None
                if isinstance(ending.result, Failure | None):
                    fault = ending.result or await self._prepare_ended(watch)
                    self.launched.kill()
                else:
                    fault = _fault(ending, watch, watch.cpu_s(), None)
                await output.drained(0.5)
            finally:
                talk.close()
            self.prepared = Prepared(fault, watch.cpu_s(), ending.wall_s, output.text())
        finally:
            ours.close()
            output.close()
        if self.prepared.failure is None:
            try:
                for number in range(slots):
                    self.slots.append(await self._slot(number))
            except TimeoutError:
                raise StalledError("it forks no process to solve in") from None
            except (EOFError, OSError):  # code of the harness has been in that process
                self.prepared = replace(self.prepared, failure=await self._prepare_ended(watch))

    async def _prepare_ended(self, watch: Watch) -> Failure:
        status = await self.launched.exited(0.5)
        if status in (128 + signal.SIGXCPU, -signal.SIGXCPU):
            return watch.too_much_cpu()
        if counted := watch.counted():
            return counted
        cause = await self.end()
        if cause.kind == "infrastructure":
            raise StartError(cause.message)
        return failure("candidate", "prepare ended its process" + ("" if status is None else f" ({exit_text(status)})"))

    async def _slot(self, number: int) -> Slot:
        ours, theirs = socket.socketpair()
        control = Control(ours)
        with theirs:
            await self.launched.control.send(number, [theirs.fileno()])
        async with asyncio.timeout(STOP_S):
            pid = await control.ready()
        return Slot(self, number, control, pid, self.group(f"slot-{number}", pid, 2))

    def _folders(self) -> dict[str, str]:
        """Where what the program is given lies inside."""
        if self.isolation.mode == "unsafe":
            return dict(self.program.folders)
        return {name: f"{profile.INSIDE_FOLDERS}/{name}" for name in self.program.folders}

    def _start(self, slots: int) -> bytes:
        limits, folder = self.program.limits, self.launched.folder
        # Where a group counts processes, or where the count would take in strangers, the rlimit is only a net.
        own = self.isolation.mode == "user" and _kernel() >= _NPROC_BY_NAMESPACE
        processes = slots * (limits.processes + 1) + 8 if own else 0 if self.isolation.mode == "unsafe" else 1024
        return msgspec.msgpack.encode(
            {
                "folder": str(folder / "harness") if folder else profile.INSIDE_HARNESS,
                "entry": self.program.entry,
                "folders": self._folders(),
                "scratch": self.scratch,
                "params": dict(self.program.params),
                "train": list(self.program.train),
                "seed": self.program.seed,
                "prepare": _rlimits(limits, limits.prepare_cpu_s, processes),
                "solve": _rlimits(limits, limits.cpu_s, processes),
            }
        )


@dataclass
class Slot:
    """A place for one job at a time."""

    box: Sandbox
    number: int
    control: Control
    pid: int
    group: cgroup.Group | None
    disturbed: bool = False

    async def run(self, job: Job) -> Verdict:
        """Solves one job. Raises `DiedError` where the sandbox ends before the outcome is known."""
        self.box.running.add(self.number)
        self.disturbed = False
        output = Output(self.box.program.limits.output_kb << 10)
        try:
            return await self._run(job, output)
        except (EOFError, OSError):
            self.box.died_with = self.box.died_with or len(self.box.running)
            alone = self.box.died_with == 1 and not self.box.convicted
            raise DiedError(await self.box.end(), blamed=alone) from None
        except Malformed:
            cause = failure("candidate", "took over the process that runs it")
            self.box.kill(cause)
            raise DiedError(cause, blamed=True) from None
        finally:
            self.box.running.discard(self.number)
            output.close()

    async def _run(self, job: Job, output: Output) -> Verdict:
        limits = self.box.program.limits
        watch = self.box.watch(self.pid, limits.cpu_s, self.group, output, str(self.number))
        work = {"instance": {"id": job.instance_id, "data": job.data}, "seed": job.seed}
        ours, theirs = socket.socketpair()
        with theirs:
            await self.control.send(work, [theirs.fileno(), output.write, *(job.line or ())])
        output.passed_on()
        talk = await Conversation.open(ours, limits.answer_kb << 10)
        try:
            ending = await listen(talk, watch, limits.wall_s, job.key, self.box.broker)
            if isinstance(ending.result, Failure) and ending.result.kind == "resource":
                self.box.disturb(self.number)
            status, reported = await self._report(ending)
        finally:
            talk.close()
        await output.drained(0.5)
        cpu_s = max(reported, watch.cpu_s())
        fault = _fault(ending, watch, cpu_s, status)
        answer = ending.result.value if fault is None and isinstance(ending.result, AnswerFrame) else None
        outcome = Outcome(job.key, answer, fault, cpu_s, ending.wall_s, output.text())
        # A kill whose sender is unknown may be the machine's, short of memory; so may a failure beside a job that
        # took everything.
        killed = ending.result is None and status == -signal.SIGKILL and fault is not None and fault.kind == "candidate"
        late = ending.late and fault is not None and fault.kind == "timeout" and cpu_s <= limits.cpu_s
        return Verdict(outcome, late or killed or (self.disturbed and fault is not None))

    async def _report(self, ending: Ending) -> tuple[int, float]:
        """The slot's word that nothing is left of the job; it is told to make an end where the job does not."""
        task = asyncio.ensure_future(self.control.receive())
        try:
            # A job that has had its last word, or has closed its channel, is given a moment to end by itself.
            patience_s = 0.0 if isinstance(ending.result, Failure) else 0.5
            await asyncio.wait({task}, timeout=patience_s)
            if not task.done():
                await self.control.send(None)
                await asyncio.wait({task}, timeout=STOP_S)
            if not task.done():
                stuck = failure("candidate", "could not be stopped")
                cause = ending.result if isinstance(ending.result, Failure) else stuck
                self.box.kill(cause)
                raise DiedError(cause, blamed=True)
            return _checked(task.result())
        finally:
            task.cancel()


def _fault(ending: Ending, watch: Watch, cpu_s: float, status: int | None) -> Failure | None:
    """The failure that a conversation amounts to; None if it is an answer within the limits."""
    end = ending.result
    if isinstance(end, Failure):
        return end
    if cpu_s > watch.cpu_limit_s or (end is None and status == -signal.SIGXCPU):
        return watch.too_much_cpu()
    if isinstance(end, AnswerFrame):
        return None
    if counted := watch.counted():
        return counted
    if isinstance(end, ErrorFrame):
        kind = "candidate" if end.kind == "model" and not ending.refused else end.kind
        return failure(kind, end.message)
    return failure("candidate", f"ended without an answer ({exit_text(status or 0)})")


def _checked(report: Any) -> tuple[int, float]:
    if isinstance(report, list) and len(report) == 2:
        status, cpu_s = report
        if isinstance(status, int) and isinstance(cpu_s, float) and 0 <= status < 1 << 16 and 0 <= cpu_s < math.inf:
            return os.waitstatus_to_exitcode(status), cpu_s
    raise Malformed("a report of the wrong shape")


def _rlimits(limits: Limits, cpu_s: float, processes: int) -> dict[str, int]:
    return {
        "cpu_s": math.ceil(cpu_s),
        "data_bytes": limits.memory_mb * MB,
        "disk_bytes": limits.disk_mb * MB,
        "processes": processes,
        "answer_bytes": limits.answer_kb << 10,
    }


def _kernel() -> tuple[int, int]:
    major, minor = platform.release().split(".")[:2]
    return int(major), int("".join(filter(str.isdigit, minor)) or 0)
