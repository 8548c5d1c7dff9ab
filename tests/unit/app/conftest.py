"""A navigator over a finished run of made-up results; no screen."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.events.log import RunLog
from engine.run.workspace import Workspace
from sia_tui.app.model.sources import Sources
from sia_tui.app.navigator.navigator import Focus, Navigator
from tests.histories import Play, settings, started

SECOND_US = 1_000_000
START_US = 1_700_000_000 * SECOND_US


class Screen:
    """Stands for the panes: what their cursors are on."""

    def __init__(self) -> None:
        self.focus = Focus()


@pytest.fixture
def screen() -> Screen:
    return Screen()


@pytest.fixture
def navigator(workspace: Path, screen: Screen) -> Iterator[Navigator]:
    """On the run `toy-1` of three generations, an event a second; generations 1 and 2 accepted."""
    clock = itertools.count(START_US, SECOND_US)
    with contextlib.closing(RunLog.hold(workspace, "r1", clock=lambda: next(clock))) as log:
        Play(log, started(settings(generations=3, agent="search"))).to_rest()  # type: ignore[arg-type]
    sources = Sources(Workspace(workspace))
    assert sources.open_workspace()
    made = Navigator(sources, lambda: screen.focus)
    found = made.default_run()
    assert found is not None
    assert made.select_run(*found)
    yield made
    for source in sources:
        source.reader.close()
