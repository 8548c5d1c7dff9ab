"""Runs programs apart from their verifier: each in a sandbox of its own, which the verifier's reaches by requests.

The verifier asks (`ctx.tools.call("ask")`), the program's host serves (`ctx.tools.call("serve")`), and the engine
passes frames of text between the two without reading them. While one side computes, its own limits run, and the other
one waits.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from engine.evaluation.errors import InfrastructureFailure
from engine.grading.loader import Folder
from engine.sandbox import CallRefused, DiedError, Isolation, Job, Outcome, Program, Sandbox, StartError
from engine.seeds import derive
from harness_repo.harness import Harness, read_folder

STOP_S = 5.0


def verifying(folder: Folder, code: Harness) -> Program:
    """A program of the domain's own that takes part in judging; each job has a sandbox in which it may write."""
    return Program(
        files=code.files,
        entry=code.manifest.entry,
        params=code.params,
        seed=derive(0, "prepare"),
        limits=folder.spec.limits,
        isolation="instance",
        folders=folder.folders("verifier"),
        private=[str(folder.path)],
        writable_tmp=True,
    )


class ProgramsApart:
    """The broker of a verifier's sandbox. `jobs` are the verifier's."""

    def __init__(self, folder: Folder, isolation: Isolation, jobs: Sequence[Job]) -> None:
        assert folder.host is not None  # noqa: S101 - the caller has looked
        self._program = verifying(folder, read_folder(folder.host))
        name = msgspec.json.decode((folder.path / "task.json").read_bytes())["program"]
        self._isolation = isolation
        self._jobs = {
            job.key: replace(job, data={"files": job.data["answer"]["files"], "program": name}) for job in jobs
        }
        self._running: dict[str, _Running] = {}

    async def call(self, job_key: str | None, op: str, payload: Any, ordinal: int) -> Any:
        """The program's reply to a frame; raises `CallRefused` once the program has ended."""
        frame = _frame(op, payload, "ask")
        if job_key is None or frame is None:
            raise CallRefused("a verifier may only ask the program")
        if ordinal == 0:  # the first try of a verifier, or another one, which needs a fresh program
            await self.end(job_key)
            self._running[job_key] = await _Running.start(self._program, self._isolation, self._jobs[job_key])
        if (running := self._running.get(job_key)) is None:
            raise CallRefused("the program has ended")
        return await running.ask(frame)

    async def end(self, job_key: str) -> Outcome | None:
        """Ends the program of a verifier's job, and returns its outcome; None if there was none."""
        running = self._running.pop(job_key, None)
        return None if running is None else await running.end()

    async def close(self) -> None:
        """Ends every program."""
        for key in list(self._running):
            await self.end(key)


class _Running:
    """A program in its sandbox, and the broker of that sandbox."""

    def __init__(self) -> None:
        self._frames: asyncio.Queue[str | None] = asyncio.Queue()
        self._replies: asyncio.Queue[str] = asyncio.Queue()
        self._box: Sandbox | None = None
        self._run: asyncio.Task[Outcome] | None = None

    @classmethod
    async def start(cls, program: Program, isolation: Isolation, job: Job) -> _Running:
        """Starts the sandbox; raises `InfrastructureFailure`."""
        found = cls()
        try:
            found._box = await Sandbox.start(program, isolation, found)
        except StartError as error:
            raise InfrastructureFailure(f"the program's sandbox did not start: {error}") from None
        found._run = asyncio.create_task(_run(found._box, job))
        return found

    async def call(self, job_key: str | None, op: str, payload: Any, ordinal: int) -> Any:
        """The next frame for the host; None at the end."""
        reply = _frame(op, payload, "serve")
        if reply is None and ordinal > 0:
            raise CallRefused("a program has no model and no tools")
        if reply is not None:
            if not self._replies.empty():
                raise CallRefused("a reply that nobody has asked for")
            self._replies.put_nowait(reply)
        return await self._frames.get()

    async def ask(self, frame: str) -> str:
        """The host's reply; raises `CallRefused` if the program ends instead."""
        assert self._run is not None  # noqa: S101 - set by start
        while not self._replies.empty():  # sent before it was asked for: ignored
            self._replies.get_nowait()
        self._frames.put_nowait(frame)
        reply = asyncio.ensure_future(self._replies.get())
        try:
            await asyncio.wait({reply, self._run}, return_when=asyncio.FIRST_COMPLETED)
            if reply.done():
                return reply.result()
        finally:
            reply.cancel()
        failure = self._run.result().failure
        raise CallRefused(f"the program has ended: {failure.message if failure else 'without an answer'}")

    async def end(self) -> Outcome:
        """Tells the host that there is no more to do, and ends the sandbox."""
        assert self._run is not None and self._box is not None  # noqa: S101 - set by start
        self._frames.put_nowait(None)
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(STOP_S):
                    await asyncio.shield(self._run)
        finally:
            await self._box.close()
        return await self._run


async def _run(box: Sandbox, job: Job) -> Outcome:
    try:
        return (await box.run(job)).outcome
    except DiedError as death:
        return Outcome(job.key, None, death.cause, 0.0, 0.0, "")


def _frame(op: str, payload: Any, name: str) -> str | None:
    """The text in a call of the tool `name`; None if there is none."""
    if op != "tools.call" or not isinstance(payload, dict) or payload.get("name") != name:
        return None
    arguments = payload.get("arguments")
    frame = arguments.get("frame") if isinstance(arguments, dict) else None
    return frame if isinstance(frame, str) else None
