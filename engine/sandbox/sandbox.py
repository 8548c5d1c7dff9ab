"""One running sandbox: runs `prepare` once, then one job after the other, each in a process of its own."""

from __future__ import annotations

import asyncio
import functools
import math
import os
import platform
import signal
import socket
import time
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from domains.contract import Limits
from engine.failure import Failure
from engine.sandbox import cgroup, process_tree
from engine.sandbox.channel import Control, Conversation, Output
from engine.sandbox.confinement import profile
from engine.sandbox.dialogue import Ending, listen
from engine.sandbox.inside.command import exit_text
from engine.sandbox.isolation import Isolation
from engine.sandbox.messages import AnswerFrame, ErrorFrame, Malformed
from engine.sandbox.population import Population
from engine.sandbox.program import Broker, Job, Outcome, Preparation, Program, failure
from engine.sandbox.sandbox_process import STOP_S, SandboxProcess, StartError, launch
from engine.sandbox.watch import MB, Watch

_controllers = functools.cache(cgroup.find)
# for a slot to kill all that a job has started; then the whole sandbox is killed, which is faster
SWEEP_S, ANSWERED_SWEEP_S = 1.5, 3.5
_NPROC_BY_NAMESPACE = (5, 14)  # before this kernel, RLIMIT_NPROC counts all processes of the user


class DiedError(Exception):
    """The sandbox died, and nothing inside runs any more. `unclear`: the machine may be at fault."""

    def __init__(self, cause: Failure, *, unclear: bool = False) -> None:
        super().__init__(cause.message)
        self.cause, self.unclear = cause, unclear


class JobResult(NamedTuple):
    """An outcome, and whether to run the job again, alone, before the outcome counts."""

    outcome: Outcome
    retry: bool


@dataclass
class Sandbox:
    """A started sandbox (see `start`). `close` kills every process inside and returns when all have ended.

    `cause` is set when it has died, or must not run another job.
    """

    program: Program
    isolation: Isolation
    broker: Broker
    launched: SandboxProcess
    population: Population
    groups: cgroup.Groups | None = None
    prepared: Preparation = field(default=Preparation(None, 0.0, 0.0, ""))
    slot: Slot | None = None
    cause: Failure | None = None

    @classmethod
    async def start(cls, program: Program, isolation: Isolation, broker: Broker) -> Sandbox:
        """Starts a sandbox and prepares the harness. If `prepare` fails, `prepared` says so, and no job can be run.

        Raises `StartError` if the machine, not the harness, is at fault.
        """
        launched = await launch(program, isolation)
        try:
            population = Population(launched.pid, contained=isolation.mode != "unsafe")
        except OSError as error:
            await launched.close()
            raise StartError(str(error)) from None
        box = cls(program, isolation, broker, launched, population)
        try:
            if isolation.cgroups and (controllers := _controllers()):
                box.groups = cgroup.Groups(controllers)
            await box._prepare()
        except (EOFError, OSError, Malformed, TimeoutError) as error:
            await box.close()
            raise StartError(str(error) or type(error).__name__) from None
        except BaseException:
            await box.close()
            raise
        return box

    async def run(self, job: Job) -> JobResult:
        """Runs one job; one at a time. Raises `DiedError` if the sandbox dies before the outcome is known."""
        assert self.slot is not None  # noqa: S101  (`prepared` has no failure)
        result = await self.slot.run(job)
        if self.cause is None and self.population.left_behind():
            self.kill(failure("candidate", "left a process behind"))
        return result

    @property
    def scratch(self) -> str:
        folder = self.launched.folder
        return str(folder / "scratch") if folder else profile.INSIDE_SCRATCH

    def kill(self, cause: Failure) -> None:
        """Kills every process inside, because of the job that runs or has just run."""
        self.cause = self.cause or cause
        self.launched.kill()

    async def close(self) -> None:
        await self.launched.close()
        self.population.close()
        if self.slot:
            self.slot.control.close()
        if self.groups:
            for _ in range(200):
                if self.groups.remove(0.0):
                    break
                await asyncio.sleep(0.005)

    async def end(self) -> Failure:
        """Why the sandbox died: killed by us, killed from outside, or ended by the harness."""
        if self.cause is None:
            status = await self.launched.wait_exit(0.5)
            if status is not None and status < 0 and self.isolation.mode != "unsafe":
                # the outermost process has no pid inside, so no harness can have sent this signal
                self.cause = failure("infrastructure", f"the sandbox was killed from outside ({exit_text(status)})")
            else:
                self.cause = failure("candidate", "ended the process that runs it")
        return self.cause

    def watch(self, pid: int, cpu_limit_s: float, group: cgroup.Group | None, output: Output, name: str) -> Watch:
        scratch = "" if self.isolation.mode == "unsafe" else f"{self.scratch}/{name}"
        return Watch(pid, cpu_limit_s, self.program.limits, self.population, self.groups, group, output, scratch)

    def group(self, name: str, pid: int, spare: int) -> cgroup.Group | None:
        """Puts `pid` into its own control group, with `spare` processes on top of the limit."""
        if self.groups is None:
            return None
        limits = self.program.limits
        group = self.groups.child(name, processes=limits.processes + spare, memory_mb=limits.memory_mb + limits.disk_mb)
        group.add(pid)
        return group

    async def _prepare(self) -> None:
        limits, launched = self.program.limits, self.launched
        group = self.group("worker", launched.pid, 3 + self.program.gateway)  # its thread
        output = Output(limits.output_kb << 10)
        ours, theirs = socket.socketpair()
        try:
            watch = self.watch(launched.pid, limits.prepare_cpu_s, group, output, "prepare")
            with theirs:
                await launched.control.send(self._start(), [theirs.fileno(), output.write])
            output.close_write_end()
            talk = await Conversation.open(ours, limits.answer_kb << 10)
            try:
                ending = await listen(talk, watch, limits.prepare_wall_s, None, self.broker)
                fault: Failure | None
                if isinstance(ending.result, Failure | None):
                    fault = ending.result or await self._prepare_ended(watch)
                    self.launched.kill()
                else:
                    fault = _fault(ending, watch, watch.cpu_s(), None)
                await output.wait_closed(0.5)
            finally:
                talk.close()
            self.prepared = Preparation(fault, watch.cpu_s(), ending.wall_s, output.text())
        finally:
            ours.close()
            output.close()
        if self.prepared.failure is None:
            try:
                self.slot = await self._slot()
            except TimeoutError:
                fault = failure("candidate", "prepare leaves a process that forks none to solve in")
                self.prepared = replace(self.prepared, failure=fault)
            except (EOFError, OSError):  # harness code has run in that process
                self.prepared = replace(self.prepared, failure=await self._prepare_ended(watch))

    async def _prepare_ended(self, watch: Watch) -> Failure:
        status = await self.launched.wait_exit(0.5)
        if status in (128 + signal.SIGXCPU, -signal.SIGXCPU):
            return watch.too_much_cpu()
        if limit := watch.enforced():
            return limit
        cause = await self.end()
        if cause.kind == "infrastructure":
            raise StartError(cause.message)
        return failure("candidate", "prepare ended its process" + ("" if status is None else f" ({exit_text(status)})"))

    async def _slot(self) -> Slot:
        ours, theirs = socket.socketpair()
        control = Control(ours)
        with theirs:
            await self.launched.control.send(0, [theirs.fileno()])
        async with asyncio.timeout(STOP_S):
            pid = await control.ready()
        self.population.settle([self.population.inside(pid)])
        return Slot(self, control, pid, self.group("slot", pid, 2 + self.program.gateway))

    def _folders(self) -> dict[str, str]:
        """The paths inside of the program's folders."""
        if self.isolation.mode == "unsafe":
            return dict(self.program.folders)
        return {name: f"{profile.INSIDE_FOLDERS}/{name}" for name in self.program.folders}

    def _counts_alone(self) -> bool:
        """Whether RLIMIT_NPROC counts the processes of this sandbox only: by namespace, or by a uid of its own."""
        if self.isolation.mode == "user":
            return _kernel() >= _NPROC_BY_NAMESPACE
        return self.isolation.mode == "real" and process_tree.uid(self.launched.pid) != profile.NOBODY

    def _start(self) -> bytes:
        limits, folder = self.program.limits, self.launched.folder
        unsafe = self.isolation.mode == "unsafe"
        # RLIMIT_NPROC, of threads too, only keeps a fork bomb small: groups and `Watch` count more exactly
        processes = 2 * limits.processes + 16 if self._counts_alone() else 1024
        return msgspec.msgpack.encode(
            {
                "folder": str(folder / "harness") if folder else profile.INSIDE_HARNESS,
                "entry": self.program.entry,
                "folders": self._folders(),
                "scratch": self.scratch,
                "params": dict(self.program.params),
                "train": [{"id": item.id, "data": item.data, "label": item.label} for item in self.program.train],
                "seed": self.program.seed,
                "prepare": _rlimits(limits, limits.prepare_cpu_s, 0 if unsafe else processes),
                "solve": _rlimits(limits, limits.cpu_s, 0 if unsafe else processes),
                "gateway": self.program.gateway,
                "command": list(self.program.command),
                "answer": self.program.answer,
                "tools": [dict(tool) for tool in self.program.tools],
            }
        )


@dataclass
class Slot:
    """The process that forks one for each job."""

    box: Sandbox
    control: Control
    pid: int
    group: cgroup.Group | None
    _watch: Watch | None = None

    async def run(self, job: Job) -> JobResult:
        """As `Sandbox.run`."""
        output = Output(self.box.program.limits.output_kb << 10)
        try:
            return await self._run(job, output)
        except (EOFError, OSError):  # TimeoutError is one of the latter
            # whoever killed a process inside, the harness or a machine short of memory, leaves the same trace
            unclear = self.box.cause is None
            # at its limit of memory the kernel may choose this process, not the one that has taken the memory
            if self._watch and (limit := self._watch.enforced()):
                self.box.kill(limit)
            raise DiedError(await self.box.end(), unclear=unclear) from None
        except Malformed:
            cause = failure("candidate", "took over the process that runs it")
            self.box.kill(cause)
            raise DiedError(cause) from None
        finally:
            output.close()

    async def _run(self, job: Job, output: Output) -> JobResult:
        limits = self.box.program.limits
        self._watch = watch = self.box.watch(self.pid, limits.cpu_s, self.group, output, "0")
        work = {"instance": {"id": job.instance_id, "data": job.data}, "seed": job.seed}
        ours, theirs = socket.socketpair()
        with theirs:
            async with asyncio.timeout(STOP_S):  # a slot that a harness has stopped reads nothing
                await self.control.send(work, [theirs.fileno(), output.write, *(job.line or ())])
        output.close_write_end()
        talk = await Conversation.open(ours, limits.answer_kb << 10)
        try:
            ending = await listen(talk, watch, limits.wall_s, job.key, self.box.broker)
            report = await self._report(ending)
        finally:
            talk.close()
        await output.wait_closed(0.5)
        cpu_s = max(report.cpu_s, watch.cpu_s())
        fault = _fault(ending, watch, cpu_s, report.status)
        answer = ending.result.value if fault is None and isinstance(ending.result, AnswerFrame) else None
        outcome = Outcome(job.key, answer, fault, cpu_s, ending.wall_s, output.text())
        # an unexplained SIGKILL may come from a machine short of memory
        killed = (
            ending.result is None
            and report.status == -signal.SIGKILL
            and fault is not None
            and fault.kind == "candidate"
        )
        late = ending.late and fault is not None and fault.kind == "timeout" and cpu_s <= limits.cpu_s
        if not report.intact:
            self.box.kill(failure("candidate", "changed the process that its solves come from"))
        return JobResult(outcome, late or killed)

    async def _report(self, ending: Ending) -> _Report:
        """The slot's report that the job has ended. A job that does not end is stopped."""
        task = asyncio.ensure_future(self.control.receive())
        try:
            # a job that has answered, or has closed its channel, gets a moment to end by itself
            patience_s = 0.0 if isinstance(ending.result, Failure) else 0.5
            await asyncio.wait({task}, timeout=patience_s)
            if not task.done():
                await self.control.send(None)
            limit = ending.result if isinstance(ending.result, Failure) else None
            until = time.monotonic() + (ANSWERED_SWEEP_S if limit is None else SWEEP_S)
            while not task.done():
                await asyncio.wait({task}, timeout=0.1)
                # only what runs in it can have stopped this process
                if not task.done() and ((stopped := process_tree.is_stopped(self.pid)) or time.monotonic() > until):
                    cause = limit or failure("candidate", "could not be stopped")
                    self.box.kill(cause)
                    raise DiedError(cause, unclear=not stopped and (ending.late or limit is None))
            return _parse_report(task.result())
        finally:
            task.cancel()


def _fault(ending: Ending, watch: Watch, cpu_s: float, status: int | None) -> Failure | None:
    """The failure of a conversation that ended like this; None for an answer within the limits."""
    end = ending.result
    if isinstance(end, Failure):
        return end
    if cpu_s > watch.cpu_limit_s or (end is None and status == -signal.SIGXCPU):
        return watch.too_much_cpu()
    if isinstance(end, AnswerFrame):
        return None
    if limit := watch.enforced():
        return limit
    if isinstance(end, ErrorFrame):
        kind = "candidate" if end.kind == "model" and not ending.refused else end.kind
        return failure(kind, end.message)
    return failure("candidate", f"ended without an answer ({exit_text(status or 0)})")


class _Report(NamedTuple):
    """Exit status and CPU seconds of a job, and whether the process that forks jobs is as it was."""

    status: int
    cpu_s: float
    intact: bool


def _parse_report(report: Any) -> _Report:
    match report:
        case [int(status), float(cpu_s), bool(intact)] if 0 <= status < 1 << 16 and 0 <= cpu_s < math.inf:
            return _Report(os.waitstatus_to_exitcode(status), cpu_s, intact)
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
