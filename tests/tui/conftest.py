"""A workspace with a finished run of made-up results, and the app on it, driven without a terminal."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import threading
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.worker import WorkerCancelled

from benchmarks.synthetic import write
from engine.events.log import RunLog
from engine.run.workspace import Workspace
from sia_tui.app.app import SiaApp
from sia_tui.app.screens.main import MainScreen
from tests.histories import Play, settings, started

RUN = "synthetic-1"
Opened = Callable[..., contextlib.AbstractAsyncContextManager[tuple[Pilot[None], MainScreen]]]


def uneven(number: int, instance: str) -> float:
    """Version 2 fixes most and breaks one instance, version 3 breaks half of them again."""
    at = int(instance.split("-")[1])
    return {1: float(at == 0), 2: float(at != 0), 3: float(at % 2)}.get(number, 1.0)


@pytest.fixture
def played(workspace: Path) -> Path:
    """A finished run of three generations, of which the second was accepted; an event a second."""
    seconds = itertools.count(1_700_000_000_000_000, 1_000_000)
    with contextlib.closing(RunLog.hold(workspace, "r1", clock=lambda: next(seconds))) as log:
        Play(log, started(settings(generations=3, agent="search")), skill=uneven).to_rest()  # type: ignore[arg-type]
    return workspace


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with the made-up run `RUN` of some length, for terminals; tests only look at it."""
    path = tmp_path_factory.mktemp("recorded")
    write(path, 2000)
    return path


@pytest.fixture(autouse=True)
def nobodys_preferences(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the preferences, the colours of the terminal, or the time of day, of whoever runs it."""
    monkeypatch.setenv("SIA_TUI_CONFIG", str(tmp_path / "tui.toml"))
    monkeypatch.setenv("TERM", "xterm-256color")
    for name in ("COLORFGBG", "COLORTERM", "NO_COLOR", "WAYLAND_DISPLAY", "DISPLAY", "TMUX"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


@pytest.fixture
def opened() -> Opened:
    """Opens the app on a workspace, at a size, and waits until its logs are open."""

    @contextlib.asynccontextmanager
    async def go(
        workspace: Path, *, size: tuple[int, int] = (160, 50), files: tuple[Path, ...] = (), shipped: bool = False
    ) -> AsyncIterator[tuple[Pilot[None], MainScreen]]:
        app = SiaApp(Workspace(workspace), files=files, shipped=shipped)
        async with app.run_test(size=size) as pilot:
            await settle(pilot)
            yield pilot, app.main

    return go


async def settle(pilot: Pilot[None]) -> None:
    """Until nothing is left to do: timers over, workers done, messages handled, the screen drawn."""
    app = pilot.app
    assert isinstance(app, SiaApp)
    quiet = 0
    while quiet < 2:  # what one worker ends may begin another
        await pilot.pause()
        # an action ends, or puts a question on the screen
        acting = app.screen is app.main and any(one.group == "action" and not one.is_finished for one in app.workers)
        waiting = (
            not app.key_order.idle
            or acting
            or app.main.matches_found  # which the next tick draws
            or app.main.page_timer
            or app.main.inspector.resize_timer
            or app.main.inspector.loads
        )
        if waiting:
            await asyncio.sleep(0.01)
        working = [one for one in app.workers if one.group in ("page", "search", "open")]
        if working:
            with contextlib.suppress(WorkerCancelled):  # a later one for the same page takes its place
                await app.workers.wait_for_complete(working)
        reading = [one for one in threading.enumerate() if one.name == "inputs"]
        for thread in reading:
            await asyncio.to_thread(thread.join)
        quiet = 0 if working or waiting or reading else quiet + 1


async def until(pilot: Pilot[None], holds: Callable[[], object]) -> None:
    """Until what another thread does is done."""
    for _ in range(200):
        await settle(pilot)
        if holds():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("it does not come to hold")


def texts(rows: object) -> list[str]:
    """The text of rows."""
    return [one.text for one in rows]  # type: ignore[attr-defined]
