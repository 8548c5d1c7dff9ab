"""One event, one screen: stepping to it, jumping to it, and having watched it come are the same."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.events.event import Event
from engine.events.log import RunLog
from engine.events.reader import Reader
from engine.run.workspace import Workspace
from sia_tui.app.app import SiaApp
from sia_tui.app.rows.row import Target
from sia_tui.app.screens.main import MainScreen
from tests.tui.conftest import settle, texts

GOLDEN = sorted((Path(__file__).parents[1] / "golden").glob("*.db"))
pytestmark = pytest.mark.asyncio


def screen(main: MainScreen) -> tuple[list[str], ...]:
    """What the three panes show of the watched run."""
    assert main.navigator.cursor is not None
    own = f"● {main.navigator.cursor.snapshot.state.name}"
    lines = texts(main.lineage.rows)
    start = next(i for i, line in enumerate(lines) if own in line)
    graph = [line for line in lines[start:] if line.startswith(("●", "│"))]
    return graph, texts(main.timeline.rows), texts(main.inspector.rows)


def recorded(path: Path) -> tuple[list[Event], dict[int, list[bytes]]]:
    """The events of a log's first run, and the contents that each names first."""
    with contextlib.closing(Reader.open(path)) as reader:
        run = reader.runs()[0]
        events = list(reader.history(run.run))
        return events, {event.n: [reader.blob(name) for name in event.payload.blobs()] for event in events}


@contextlib.contextmanager
def again(folder: Path, events: list[Event], contents: dict[int, list[bytes]]) -> Iterator[Iterator[Event]]:
    """Appends the same events to a log of its own, one for each step of the iterator, as its engine did."""
    times = iter(event.at for event in events)
    with contextlib.closing(RunLog.hold(folder, events[0].run, clock=lambda: next(times))) as log:

        def append() -> Iterator[Event]:
            for event in events:
                yield from log.append([(event.generation, event.payload)], contents=contents[event.n], durable=False)

        yield append()


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
@pytest.mark.parametrize("page", [Target("run"), Target("generation", 2)], ids=["run", "generation"])
async def test_watching_stepping_and_jumping_show_the_same(path: Path, page: Target, tmp_path: Path) -> None:
    events, contents = recorded(path)
    live: dict[int, tuple[list[str], ...]] = {}
    with again(tmp_path, events, contents) as appended:
        next(appended)
        app = SiaApp(Workspace(tmp_path), shipped=False)
        async with app.run_test(size=(160, 50)) as pilot:
            await settle(pilot)
            app.main.navigator.pages.replace(page)
            for event in appended:
                app.main._tick()
                app.main.refresh_run(force=True)
                app.main.refresh_lineage()
                live[event.n] = screen(app.main)
    app = SiaApp(Workspace(tmp_path), shipped=False)
    async with app.run_test(size=(160, 50)) as pilot:
        await settle(pilot)
        app.main.navigator.pages.replace(page)
        ns = sorted(live)
        backwards, jumping = ns[::-1], [n for i in range(7) for n in ns[i::7]]
        for order in (ns, backwards, jumping):
            for n in order:
                app.main.go_to(n)
                assert screen(app.main) == live[n], n
