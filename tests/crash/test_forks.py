"""A fork at every event of a small run: it shares the prefix, leaves the parent alone, and pays for nothing twice."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from engine import trust
from engine.core.replay import verify as replay
from engine.events import types as t
from engine.events.reader import Reader
from engine.loop import launch
from engine.loop.control_socket import Control
from engine.loop.driver import drive
from engine.loop.fork import ForkPlan, change_settings, fork, gate_event, state_at
from engine.queries.audit import verify as audit
from engine.run.workspace import Workspace
from engine.sandbox import open_sandbox
from harness_repo.harness import read_folder
from tests.story import TOY, story

STREAMED_STRIDE = 1 if os.environ.get("SIA_LONG") else 7
"""`make test-long` forks at every result, too."""


def silent(text: str) -> None:
    """A report that nobody reads."""


async def run_toy(workspace: Workspace, **options: Any) -> None:
    planned = await launch.plan(launch.Options(domain=str(TOY), workers=2, **options), silent)
    async with launch.start(workspace, planned) as run:
        await drive(run, Control())


async def go_on(workspace: Workspace, run: str) -> None:
    async with launch.reopen(workspace, run, workers=2, report=silent, resume=False) as taken:
        await drive(taken, Control())


@pytest.fixture(scope="module")
def parent(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = Workspace(tmp_path_factory.mktemp("parent"))
    asyncio.run(run_toy(workspace, generations=3, seed=5, probes=4, name="parent"))
    return workspace


@pytest.fixture
def workspace(parent: Workspace, tmp_path: Path) -> Workspace:
    copied = shutil.copytree(parent.path, tmp_path / "w")
    trust.remember(copied)
    return Workspace(copied)


def rows_of(workspace: Workspace, run: str) -> list[tuple[Any, ...]]:
    with contextlib.closing(workspace.reader()) as reader:
        return reader.db.conn.execute("SELECT * FROM events WHERE run = ? ORDER BY n", (run,)).fetchall()


def last(workspace: Workspace) -> tuple[str, int]:
    with contextlib.closing(workspace.reader()) as reader:
        run = reader.runs()[0]
        return run.run, run.head_n


def forbid_sandboxes(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("a sandbox was opened for what the lineage already holds")

    monkeypatch.setattr("engine.evaluation.evaluate.open_sandbox", refuse)


def test_the_guard_bites(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    forbid_sandboxes(monkeypatch)
    monkeypatch.setattr("engine.loop.driver.RETRY_S", 0.0)
    asyncio.run(run_toy(workspace, generations=1, seed=9, name="fresh"))
    with contextlib.closing(workspace.reader()) as reader:
        fresh = reader.find("fresh")
        assert fresh.status == "failed"
        assert "a sandbox was opened" in state_at(reader, fresh, fresh.head_n).reason


@pytest.mark.timeout(1200)
@pytest.mark.parametrize(
    ("streamed_stride", "stride"), [(41, 5), pytest.param(STREAMED_STRIDE, 1, marks=pytest.mark.slow)]
)
def test_a_fork_anywhere_that_changes_nothing_ends_as_its_parent_at_no_cost(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, streamed_stride: int, stride: int
) -> None:
    """At each `stride`th event, of the many `instance.finished` at each `streamed_stride`th."""
    run, head = last(workspace)
    before = rows_of(workspace, run)
    told = story(workspace.path, run)
    forbid_sandboxes(monkeypatch)
    streamed = {event[2] for event in before if event[3] == "instance.finished"}
    places = [n for n in range(1, head + 1) if n % (streamed_stride if n in streamed else stride) == 0]
    for at in places:
        child = fork(workspace, ForkPlan(run, at))
        asyncio.run(go_on(workspace, child))
        with contextlib.closing(workspace.reader()) as reader:
            shared = list(reader.history(child, until=at))
            assert [event.hash for event in shared] == [row[9] for row in before[:at]]
            assert replay(reader, child).identical, at
        reopened = told[-1:] if at == head else []  # past the end a run opens again, and ends again
        assert story(workspace.path, child) == told + reopened, at
    assert rows_of(workspace, run) == before
    with contextlib.closing(workspace.reader()) as reader:
        assert audit(reader, workspace).problems == []


def test_a_changed_setting_changes_only_what_follows(workspace: Workspace) -> None:
    run, head = last(workspace)
    with contextlib.closing(workspace.reader()) as reader:
        row = reader.find(run)
        parents_end = state_at(reader, row, head)
        at = gate_event(reader, row, 1)
        settings = change_settings(state_at(reader, row, at).settings, ["seed=77", "gate.alpha=0.2", "generations=2"])
    child = fork(workspace, ForkPlan(run, at, settings=settings))
    asyncio.run(go_on(workspace, child))
    with contextlib.closing(workspace.reader()) as reader:
        state = state_at(reader, reader.find(child), reader.find(child).head_n)
        others = {parents_end.of(one.n).candidate for one in parents_end.generations[1:]} - {state.of(2).candidate}
        assert others  # what its parent has judged beside the child's candidate
        assert [one.verdict.alpha for one in state.generations if one.verdict] == [
            0.0,
            pytest.approx(0.05 / (1 + len(others))),
        ]
        assert state.status == "finished"
        assert replay(reader, child).identical
    mine, parents = story(workspace.path, child), story(workspace.path, run)
    assert mine[:4] == parents[:4] and mine != parents


def test_forks_of_forks_twice_from_one_event_and_of_a_live_run(workspace: Workspace) -> None:
    run, head = last(workspace)
    one, two = fork(workspace, ForkPlan(run, 5)), fork(workspace, ForkPlan(run, 5))
    of_fork = fork(workspace, ForkPlan(one, 6))
    for child in (one, two, of_fork):
        asyncio.run(go_on(workspace, child))
        assert story(workspace.path, child) == story(workspace.path, run)

    async def while_live() -> str:
        async with launch.reopen(workspace, run, workers=1, report=silent, resume=False):
            return fork(workspace, ForkPlan(run, head))

    child = asyncio.run(while_live())
    with contextlib.closing(workspace.reader()) as reader:
        assert [event.n for event in reader.history(child)] == list(range(1, head + 2))


def test_a_branch_takes_a_rejected_candidate_and_goes_on_from_it(workspace: Workspace) -> None:
    run, _ = last(workspace)
    with contextlib.closing(workspace.reader()) as reader:
        row = reader.find(run)
        state = state_at(reader, row, row.head_n)
        rejected = next((g.n for g in state.generations if g.verdict and not g.verdict.accepted), 1)
        at = gate_event(reader, row, rejected)
        settings = change_settings(state.settings, ["generations=4", "seed=3"])
    child = fork(workspace, ForkPlan(run, at, name="other-way", settings=settings, branch=rejected))
    asyncio.run(go_on(workspace, child))
    with contextlib.closing(workspace.reader()) as reader:
        found = [e.payload for e in reader.history(child, after=at) if e.type == t.HarnessWritten.type]
        assert found, "no candidate was made from the branch"
        commit = state.of(rejected).candidate.harness
        assert isinstance(found[0], t.HarnessWritten) and found[0].parents == [commit]
        assert replay(reader, child).identical
    assert "refs/heads/other-way" in workspace.repository().refs()


def test_a_persons_harness_is_the_next_candidate(workspace: Workspace, tmp_path: Path) -> None:
    run, _ = last(workspace)
    folder = shutil.copytree(TOY / "harness", tmp_path / "edited")
    (folder / "params.toml").write_text('method = "rule"\nskill = 7\n')
    with contextlib.closing(workspace.reader()) as reader:
        at = gate_event(reader, reader.find(run), 1)
    child = fork(workspace, ForkPlan(run, at, harness=read_folder(folder)))
    asyncio.run(go_on(workspace, child))
    with contextlib.closing(workspace.reader()) as reader:
        row = reader.find(child)
        state = state_at(reader, row, row.head_n)
        assert state.versions[2].author == "person"
        assert state.of(2).verdict and state.of(2).execution
        assert state.of(2).execution.scores["val"].score == pytest.approx(0.7)
        assert replay(reader, child).identical


def test_the_real_sandbox_is_what_is_forbidden() -> None:
    assert open_sandbox.__name__ == "open_sandbox"
    from engine.evaluation import evaluate

    assert evaluate.open_sandbox is open_sandbox


def test_a_reader_sees_the_same_run_through_the_fork(workspace: Workspace) -> None:
    run, head = last(workspace)
    child = fork(workspace, ForkPlan(run, head))
    with contextlib.closing(Reader.open(workspace.log)) as reader:
        assert reader.segments(child) == [(run, head), (child, None)]
