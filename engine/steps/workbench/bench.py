"""Where a client works: its folder, `sia-try` with the line to the engine, and the sandbox around both."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec

from engine.agents.protocol import Attend, Errand, ToolResult
from engine.clients.enclosure import LINE, Enclosure
from engine.evaluation.errors import InfrastructureFailure
from engine.failure import StepFailure
from engine.models.calling import BudgetExceeded
from engine.run.live_run import Ports
from engine.sandbox import remove, temporary_folder
from engine.sandbox.confinement import view
from engine.steps.workbench.bench_folder import BenchFolder

_PROGRAM = Path(__file__).with_name("sia_try.py")
_QUESTION = 1 << 16
"""Bytes of the arguments of a try."""


@contextlib.asynccontextmanager
async def bench(ports: Ports, errand: Errand, attend: Attend) -> AsyncIterator[tuple[BenchFolder, Enclosure]]:
    """The folder with the errand's files and its enclosure, while tries are answered; both vanish at the end."""
    place = temporary_folder("bench")
    try:
        folder = BenchFolder(place / "desk", errand)
        line = place / "line"
        _lay_program(line)
        async with _answering(line, folder, attend):
            private = (ports.grader.folder.path.absolute(), ports.folder.absolute())
            yield folder, Enclosure(ports.isolation, folder.path, line, private)
    finally:
        remove(place)


def _lay_program(line: Path) -> None:
    line.mkdir()
    shutil.copyfile(_PROGRAM, line / "sia_try.py")
    program = line / "sia-try"
    program.write_text(f'#!/bin/sh\nexec {shlex.join([*view.interpreter(), f"{LINE}/sia_try.py"])} "$@"\n')
    program.chmod(0o755)


@contextlib.asynccontextmanager
async def _answering(line: Path, folder: BenchFolder, attend: Attend) -> AsyncIterator[None]:
    working: set[asyncio.Task[None]] = set()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, ValueError):  # it went away, or asks without end
            question = await reader.readline()
            result = await _tried(attend, folder, question)
            writer.write(msgspec.json.encode({"text": result.text, "failed": result.failed}))
            await writer.drain()
        writer.close()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(answer(reader, writer))
        working.add(task)
        task.add_done_callback(working.discard)

    # the path of a socket is short, and that of a temporary folder may not be
    descriptor = os.open(line, os.O_RDONLY | os.O_DIRECTORY)
    try:
        server = await asyncio.start_unix_server(begin, f"/proc/self/fd/{descriptor}/socket", limit=_QUESTION)
    finally:
        os.close(descriptor)
    try:
        yield
    finally:
        server.close()
        for task in list(working):
            task.cancel()
        await asyncio.gather(*working, return_exceptions=True)


async def _tried(attend: Attend, folder: BenchFolder, question: bytes) -> ToolResult:
    """The answer to a try. A budget that is spent or a machine that fails is told, and the client may yet decide."""
    try:
        return await attend(folder.harness(), question)
    except (BudgetExceeded, InfrastructureFailure, StepFailure) as error:
        return ToolResult(f"not tried: {error}", failed=True)
