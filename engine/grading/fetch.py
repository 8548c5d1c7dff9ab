"""Obtains a domain's data in a separate process, which has the network and does nothing else.

The grading process (`engine.grading.process`) has no network and cannot fetch.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from engine import pipes
from engine.errors import SiaError
from engine.grading.client import GraderFailed
from engine.grading.loader import Folder, check_module

WALL_S = 7200.0


class NothingToFetch(SiaError):
    """The domain fetches no data."""


async def fetch(folder: Folder, data: Path | None, report: Callable[[str], None]) -> Path:
    """Obtains the data of a domain, or the set that `data` names; returns its path. Progress goes to `report`.

    Raises `SiaError` if the data cannot be obtained, `NothingToFetch` where there is none, and `GraderFailed` if the
    domain's code fails.
    """
    check_module(folder)
    # a domain that fetches a named set reports what it does
    announcement = [f"fetching the data of {folder.spec.name}"] if data is None else []

    async def relay(stream: asyncio.StreamReader) -> None:
        async for line in pipes.lines(stream):
            while announcement:
                report(announcement.pop())
            report(line)

    process = await asyncio.create_subprocess_exec(  # with our environment, which configures pip and proxies
        *(sys.executable, "-P", "-m", "engine.grading.fetch_process", str(folder.path), str(data or "")),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,  # an interrupt at the terminal is the engine's to handle
    )
    assert process.stdout and process.stderr  # noqa: S101 - both are pipes
    relayed = asyncio.create_task(relay(process.stderr))
    try:
        async with asyncio.timeout(WALL_S):
            reply = await pipes.receive(process.stdout)
    except TimeoutError:
        raise SiaError(
            f"the data of {folder.spec.name} could not be fetched within {WALL_S:g} s",
            "try again: a download continues",
        ) from None
    except asyncio.IncompleteReadError:
        raise SiaError(
            f"the process that fetches the data of {folder.spec.name} died", "try again; memory may be short"
        ) from None
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # with all processes that the domain has started
        await process.wait()
        await relayed
    if "data" in reply:
        raise (NothingToFetch if reply["nothing"] else SiaError)(reply["data"])
    if "error" in reply:
        raise GraderFailed(reply["error"])
    return Path(reply["ok"])
