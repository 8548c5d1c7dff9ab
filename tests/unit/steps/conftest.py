"""The log of a run, held."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.events.log import RunLog


@pytest.fixture
def log(workspace: Path) -> Iterator[RunLog]:
    with contextlib.closing(RunLog.hold(workspace, "r1")) as held:
        yield held
