"""Workspaces and commands for the tests of trust."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from engine.events.log import RunLog
from engine.events.types import DomainRef
from engine.grading.loader import find
from engine.run.workspace import Workspace
from engine.transfer.rebuild import rebuild
from sia_tui.main import cli
from tests.histories import Play, settings, started

EXECUTING = (
    *("resume last", "resume last --generations 99 --plain", "test last", "apply last in.jsonl"),
    *("branch last --generation 1", "fork last --at 20", "checkout last -o out --with-data"),
)


def ref_to(folder: Path, source: str = "") -> DomainRef:
    """What a log says of the domain in `folder`, which it may call `source`."""
    found = find(str(folder))
    ref = started().domain
    return replace(ref, name=found.spec.name, source=source or str(folder), code=found.code_digest())


def make(workspace: Path, ref: DomainRef) -> Workspace:
    """A workspace with a finished run `r1` of that domain."""
    place = Workspace(workspace)
    place.create()
    with contextlib.closing(RunLog.hold(place.path, "r1")) as log:
        Play(log, replace(started(settings(agent="search")), domain=ref)).to_rest()  # type: ignore[arg-type]
    rebuild(place)
    return place


def sia(folder: Path, line: str, monkeypatch: pytest.MonkeyPatch, *more: str) -> Any:
    """The result of a command in `folder`."""
    monkeypatch.chdir(folder)
    return CliRunner().invoke(cli, [*line.split(), *more])
