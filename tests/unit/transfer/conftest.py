"""A finished made-up run whose instances have logs, exported; and a way to write archives that sia would not."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.events.log import RunLog
from engine.events.reader import Reader
from engine.run.workspace import Workspace
from tests.unit.transfer.carried import Logged, seal_to


@pytest.fixture
def home(tmp_path: Path) -> Workspace:
    """A workspace with one finished run, `toy-1`, of id `r1`."""
    place = Workspace(tmp_path / "home of #1")
    place.create()
    with contextlib.closing(RunLog.hold(place.path, "r1")) as log:
        Logged(log).to_rest()  # type: ignore[arg-type]
    return place


@pytest.fixture
def away(tmp_path: Path) -> Workspace:
    """A workspace in which nothing is yet."""
    return Workspace(tmp_path / "away")


@pytest.fixture
def exported(home: Workspace, tmp_path: Path) -> Path:
    """`toy-1` as a file."""
    return seal_to(home, tmp_path / "run.sia")


@pytest.fixture
def reader(home: Workspace) -> Callable[[], contextlib.closing[Reader]]:
    """Opens the log of `home`."""
    return lambda: contextlib.closing(home.reader())
