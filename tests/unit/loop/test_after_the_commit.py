"""Nothing that follows a commit (tip, refs, notes, observers) ends a step; it is repaired later."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import shutil
from pathlib import Path
from typing import Any

import pytest

from engine.core.replay import verify as replay
from engine.core.state import State
from engine.errors import SiaError
from engine.events import types as t
from engine.events.event import Event
from engine.loop import launch
from engine.loop.control_socket import Control
from engine.loop.driver import drive
from engine.queries.audit import verify as audit
from engine.run import git_refs
from engine.run.score_notes import ScoreNotes
from engine.run.workspace import Workspace
from engine.transfer.rebuild import rebuild
from harness_repo.repository import Repository
from tests.playing import small


def run_toy(workspace: Workspace, domain: str, *observers: launch.Observer, **options: Any) -> list[str]:
    """A run of two generations; returns the messages to its user."""
    told: list[str] = []

    async def go() -> None:
        chosen = launch.Options(domain=domain, workers=2, generations=2, seed=5, probes=2, name="toy", **options)
        planned = await launch.plan(chosen, told.append)
        async with launch.start(workspace, planned, observers, told.append) as run:
            await drive(run, Control())

    asyncio.run(go())
    return told


def kinds(workspace: Workspace) -> list[str]:
    with contextlib.closing(workspace.reader()) as reader:
        run = reader.find("toy").run
        assert replay(reader, run).identical
        return [event.type for event in reader.history(run)]


def problems(workspace: Workspace) -> list[str]:
    with contextlib.closing(workspace.reader()) as reader:
        return audit(reader, workspace).problems


def test_a_tip_that_cannot_be_written_and_a_broken_observer_fail_no_step(tmp_path: Path) -> None:
    workspace, seen = Workspace(tmp_path / "w"), []

    def put_in_the_way(event: Event, state: State) -> None:
        if event.type == t.GateDecided.type and event.generation == 1:
            tip = workspace.tips / state.run
            tip.unlink(missing_ok=True)
            (tip / "in the way").mkdir(parents=True, exist_ok=True)

    def fail(event: Event, _: State) -> None:
        seen.append(event.n)
        raise ValueError("a screen that is broken")

    told = run_toy(workspace, small(tmp_path / "toy"), put_in_the_way, fail)
    assert "step.failed" not in kinds(workspace) and kinds(workspace)[-1] == "run.finished"
    assert seen == [1]
    assert any("a screen that is broken" in text for text in told)
    assert any("the tip of the run" in text for text in told)


def test_a_ref_that_git_cannot_move_fails_no_step(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "w")
    tags = workspace.path / "harness_repo" / "refs" / "tags" / "toy"

    def be_in_the_way(event: Event, _: State) -> None:
        if event.type == t.GateDecided.type and event.generation == 1:
            (tags / "g2").mkdir(parents=True)
            (tags / "g2" / "theirs").write_bytes((tags / "g1").read_bytes())

    told = run_toy(workspace, small(tmp_path / "toy"), be_in_the_way)
    assert "step.failed" not in kinds(workspace) and kinds(workspace)[-1] == "run.finished"
    assert any("names the commit" in problem for problem in problems(workspace))
    assert any("`sia rebuild`" in text for text in told)
    shutil.rmtree(tags / "g2")
    rebuild(workspace)
    assert problems(workspace) == []


def test_notes_that_a_full_disk_does_not_take_undo_no_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    workspace = Workspace(tmp_path / "w")
    run_toy(workspace, small(tmp_path / "toy"))
    repository = workspace.repository()
    (workspace.path / "harness_repo" / git_refs.NOTES).unlink()
    monkeypatch.setattr(Repository, "store", full)
    with contextlib.closing(workspace.reader()) as reader:
        git_refs.catch_up(repository, reader, reader.find("toy").run)
        with pytest.raises(SiaError, match=r"git is behind the log .*No space left.*sia rebuild"):
            git_refs.update(repository, ScoreNotes(reader), {})
