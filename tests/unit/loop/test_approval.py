"""`--approve`: a person's approval before a candidate is executed, recorded like everything else."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.core.replay import verify as replay
from engine.core.state import State
from engine.errors import SiaError
from engine.events import types as t
from engine.events.log import Fenced, raise_epoch
from engine.loop import launch
from engine.loop.approval import additions, give
from engine.loop.control_socket import Approval, Control
from engine.loop.driver import drive
from engine.loop.fork import ForkPlan, change_settings, fork, gate_event, state_at
from engine.queries.audit import verify as audit
from engine.run.workspace import Workspace
from harness_repo.harness import parse, read_folder
from tests.playing import small
from tests.story import TOY


def asked_run(
    workspace: Workspace, answers: list[Approval], generations: int = 3, *, domain: str | None = None
) -> State:
    """Runs `domain`, or the toy with 12 instances, giving one of `answers` each time the engine asks, as its queue."""

    async def go() -> State:
        task = domain or small(workspace.path.with_name(f"{workspace.path.name}-toy"))
        options = launch.Options(domain=task, generations=generations, probes=4, approve="harness", name="asked")
        planned = await launch.plan(options, lambda _: None)
        control = Control()
        waiting = list(answers)

        def answer(event: object, state: State) -> None:
            if getattr(event, "type", "") == t.ApprovalAsked.type and waiting:
                control.approvals.put_nowait(waiting.pop(0))
            elif state.awaiting and not waiting:
                control.ask("pause", "the test")

        async with launch.start(workspace, planned, [answer]) as run:
            await drive(run, control)
            return run.state

    return asyncio.run(go())


def verified(workspace: Workspace) -> bool:
    with contextlib.closing(workspace.reader()) as reader:
        return replay(reader, reader.find("asked").run).identical


YES = Approval("yes", "the test")
NO = Approval("no", "the test", "not that one")


def test_yes_lets_the_candidate_be_executed(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    state = asked_run(workspace, [YES, YES])
    assert [one.n for one in state.generations] == [1, 2, 3]
    assert verified(workspace)


@pytest.mark.slow
def test_no_makes_the_agent_propose_another(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    state = asked_run(workspace, [NO, YES, YES], generations=2)
    assert [one.n for one in state.generations] == [1, 2]
    assert len(state.declined) == 1
    assert state.declined[0].tree != state.versions[2].tree
    assert "not that one" in state.of(1).failed_improvements[0]
    assert verified(workspace)


def test_an_edit_takes_the_candidates_place(tmp_path: Path) -> None:
    folder = shutil.copytree(TOY / "harness", tmp_path / "edited")
    (folder / "params.toml").write_text('method = "rule"\nskill = 6\n')
    workspace = Workspace(tmp_path / "w")
    state = asked_run(workspace, [Approval("edit", "the test", folder=str(folder))], 2, domain=str(TOY))
    assert state.versions[2].author == "person"
    execution = state.of(2).execution
    assert execution and execution.scores["val"].score == pytest.approx(0.6)
    assert verified(workspace)


def test_a_run_that_waits_can_be_put_down_answered_and_taken_up(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    state = asked_run(workspace, [], generations=2)
    assert state.awaiting == 2 and state.status in ("running", "paused")
    assert give(workspace, "asked", Approval("yes", "someone else")) == "asked"
    with pytest.raises(SiaError, match="no candidate awaiting approval"):
        give(workspace, "asked", YES)

    async def go_on() -> State:
        async with launch.reopen(workspace, "asked", workers=2, report=lambda _: None) as run:
            await drive(run, Control())
            return run.state

    assert len(asyncio.run(go_on()).generations) == 2
    assert verified(workspace)


def test_an_approval_that_cannot_be_recorded_ends_the_engine(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    asked_run(workspace, [], generations=2)

    async def go_on() -> None:
        async with launch.reopen(workspace, "asked", workers=2, report=lambda _: None) as run:
            raise_epoch(run.log.db.conn, run.log.run)  # another engine took the run over
            control = Control()
            control.approvals.put_nowait(YES)
            await asyncio.wait_for(drive(run, control), 10)

    with pytest.raises(Fenced, match="taken this run over"):
        asyncio.run(go_on())
    assert verified(workspace)


def test_an_edit_that_is_no_harness_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "w")
    asked_run(workspace, [], generations=2)
    before = workspace.log.read_bytes()
    with pytest.raises(SiaError, match="not a harness"):
        give(workspace, "asked", Approval("edit", "the test", folder=str(tmp_path)))
    assert workspace.log.read_bytes() == before


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (lambda text: "import socket\n" + text, ("imports", ["socket"])),
        (lambda text: text + "\n\ndef more(ctx):\n    return ctx.tools.call('search', q=1)\n", ("tools", ["search"])),
        (lambda text: text, ("files", ["extra.py"])),
    ],
)
def test_what_an_edit_newly_asks_for_is_named(edit: Callable[[str], str], expected: tuple[str, list[str]]) -> None:
    parent = read_folder(TOY / "harness")
    files = {**parent.files, "agent.py": edit(parent.files["agent.py"].decode()).encode()}
    if expected[0] == "files":
        files["extra.py"] = b""
    assert getattr(additions(parent, parse(files)), expected[0]) == expected[1]


def test_an_edit_of_a_run_at_rest_has_its_ref_at_once(tmp_path: Path) -> None:
    folder = shutil.copytree(TOY / "harness", tmp_path / "edited")
    (folder / "params.toml").write_text('method = "rule"\nskill = 6\n')
    workspace = Workspace(tmp_path / "w")
    asked_run(workspace, [], generations=2)
    give(workspace, "asked", Approval("edit", "the test", folder=str(folder)))
    with contextlib.closing(workspace.reader()) as reader:
        assert audit(reader, workspace).problems == []
        run = reader.find("asked")
        at = gate_event(reader, run, 1)
    (folder / "params.toml").write_text('method = "rule"\nskill = 7\n')
    fork(workspace, ForkPlan(run.run, at, harness=read_folder(folder)))
    with contextlib.closing(workspace.reader()) as reader:
        assert audit(reader, workspace).problems == []


@pytest.mark.slow
def test_what_a_word_replaced_keeps_a_ref_and_the_log_is_whole(tmp_path: Path) -> None:
    folder = shutil.copytree(TOY / "harness", tmp_path / "edited")
    (folder / "params.toml").write_text('method = "rule"\nskill = 6\n')
    workspace = Workspace(tmp_path / "w")
    edit = Approval("edit", "the test", folder=str(folder))
    assert len(asked_run(workspace, [NO, edit], generations=2).declined) == 2
    with contextlib.closing(workspace.reader()) as reader:
        assert audit(reader, workspace).problems == []


def test_a_word_on_another_candidate_is_refused(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    asked_run(workspace, [], generations=2)
    with pytest.raises(SiaError, match="no longer awaits"):
        give(workspace, "asked", Approval("yes", "the test", commit="0" * 40))


def test_a_fork_that_no_longer_asks_forgets_the_question(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    state = asked_run(workspace, [], generations=2)
    with contextlib.closing(workspace.reader()) as reader:
        at = next(e.n for e in reader.history(state.run) if e.type == t.ApprovalAsked.type)
        settings = change_settings(state_at(reader, reader.find("asked"), at).settings, ["approve=none"])
    child = fork(workspace, ForkPlan("asked", at, settings=settings))

    async def go_on() -> State:
        async with launch.reopen(workspace, child, workers=2, report=lambda _: None, resume=False) as run:
            await drive(run, Control())
            return run.state

    ended = asyncio.run(go_on())
    assert ended.awaiting is None and len(ended.generations) == 2
    with pytest.raises(SiaError, match="no candidate awaiting approval"):
        give(workspace, child, NO)
