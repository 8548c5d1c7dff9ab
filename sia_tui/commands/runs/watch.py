"""`sia run DIR --watch`: a new run each time a file of the task is saved, until interrupted."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path

import click

from engine import domain_files
from engine.errors import SiaError
from engine.grading.loader import built_in, find
from engine.loop.control_socket import Control
from engine.run.options import Options
from sia_tui.cli.output import echo, say

DEBOUNCE_MS = 300
"""Saves within this time count as one."""

Work = Callable[[Control], Awaitable[None]]


def watched_folder(options: Options) -> Path:
    """The folder to watch; raises `SiaError` if it cannot be watched."""
    folder = find(options.domain)
    if folder.source in built_in():
        raise SiaError(f"{folder.source} comes with sia, and its files do not change", "watch a folder of your own")
    if options.name:
        raise SiaError("--watch starts several runs, and a name fits only one", "leave --name out")
    return Path(folder.source).resolve()  # an adopted task is watched in its own folder


async def repeat_on_save(folder: Path, workspace: Path, work: Work) -> None:
    """Does `work` now and after each save below `folder`; unfinished work is stopped first.

    Returns when `work` is paused. Prints a `SiaError` of `work` and waits for the next save.
    """
    saves = _saves(folder, workspace)
    save = asyncio.ensure_future(anext(saves))
    try:
        while True:
            control = Control()
            doing = asyncio.ensure_future(_report_errors(work, control))
            await asyncio.wait({doing, save}, return_when=asyncio.FIRST_COMPLETED)
            if not doing.done():
                control.ask("stop", "the domain's files changed")
            await doing
            if control.request and control.request.kind == "pause":
                return
            if not save.done():
                say(f"waiting for the next save in {folder}; Ctrl-C ends")
            changed = await save
            save = asyncio.ensure_future(anext(saves))
            say(f"{', '.join(changed[:3])} changed: starting a new run")
    finally:
        save.cancel()
        with contextlib.suppress(asyncio.CancelledError, StopAsyncIteration):
            await save
        await saves.aclose()


async def _report_errors(work: Work, control: Control) -> None:
    try:
        await work(control)
    except SiaError as error:
        echo(f"sia: {error}.", err=True)
    except click.exceptions.Exit:
        pass  # the run failed and printed why


async def _saves(folder: Path, workspace: Path) -> AsyncGenerator[list[str], None]:
    """The names of the files whose content changed, per group of saves."""
    from watchfiles import DefaultFilter, awatch

    usual = DefaultFilter()
    before = _contents(folder)

    def matters(change: object, path: str) -> bool:
        where = Path(path)
        inside = where.is_relative_to(folder) and domain_files.counts(where.relative_to(folder))
        return inside and not where.is_relative_to(workspace) and usual(change, path)  # type: ignore[arg-type]

    async for _ in awatch(folder, watch_filter=matters, debounce=DEBOUNCE_MS, step=50):
        now = _contents(folder)
        changed = sorted(name for name in now.keys() | before.keys() if now.get(name) != before.get(name))
        if changed:
            before = now
            yield changed


def _contents(folder: Path) -> dict[str, str]:
    """The digest of each file by name; the error if a file cannot be read."""
    try:
        return {
            path.as_posix(): hashlib.sha256((folder / path).read_bytes()).hexdigest()
            for path in domain_files.files(folder)
        }
    except (SiaError, OSError) as error:
        return {folder.name: str(error)}
