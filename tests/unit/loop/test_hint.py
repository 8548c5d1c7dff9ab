"""A person's hint, and the agent's notebook: events of the run, read by the agent from its next Analysis on."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from engine.core import replay
from engine.core.decide import RULES
from engine.core.effects import Effects
from engine.core.state import State, fold
from engine.errors import SiaError
from engine.events import types as t
from engine.events.codec import encode
from engine.events.event import Event
from engine.events.log import Held, RunLog
from engine.loop.control_socket import Control, Hint, send
from engine.loop.driver import drive
from engine.loop.fork import ForkPlan, fork
from engine.loop.hint import MAX_HINT, give
from engine.run.workspace import Workspace
from tests.histories import Play, settings, started

HINT = Hint("look at the amounts", "ada")


def played(path: Path, **changes: Any) -> Workspace:
    """A finished run."""
    with contextlib.closing(RunLog.hold(path, "r1")) as log:
        Play(log, started(settings(**changes))).to_rest()  # type: ignore[arg-type]
    return Workspace(path)


def state_of(workspace: Workspace, reference: str) -> State:
    with contextlib.closing(workspace.reader()) as reader:
        run = reader.find(reference).run
        assert replay.verify(reader, run).identical
        return fold(reader.history(run))


@pytest.mark.parametrize(
    ("agent", "when"),
    [
        ("claude", "toy-1 is finished: the hint is read by `sia resume toy-1 --generations 4`, or by a fork from here"),
        ("search", "toy-1 has the hint, but its agent reads no words; a fork from here with `--set agent=claude` does"),
    ],
)
def test_a_finished_run_keeps_it_and_says_when_it_is_read(tmp_path: Path, agent: str, when: str) -> None:
    workspace = played(tmp_path, agent=agent)
    assert give(workspace, "toy-1", HINT)[1] == when
    now = state_of(workspace, "toy-1")
    assert now.hints == (t.RunHinted("look at the amounts", "ada"),)
    assert now.status == "finished"


def test_a_fork_has_it_that_leaves_the_run_after_it(tmp_path: Path) -> None:
    workspace = played(tmp_path, agent="claude")
    before = state_of(workspace, "toy-1").n
    give(workspace, "toy-1", HINT)
    found = [state_of(workspace, fork(workspace, ForkPlan("toy-1", at))).hints for at in (before, before + 1)]
    assert found == [(), (t.RunHinted("look at the amounts", "ada"),)]


@pytest.mark.parametrize("text", ["", " \n", "x" * (MAX_HINT + 1)])
def test_what_is_no_hint_is_refused(tmp_path: Path, text: str) -> None:
    workspace = played(tmp_path)
    with pytest.raises(SiaError, match="a hint has 1 to 4000 characters"):
        give(workspace, "toy-1", Hint(text, "ada"))
    assert state_of(workspace, "toy-1").hints == ()


def test_a_live_engine_writes_it_once_it_drives_the_run(tmp_path: Path) -> None:
    written: list[tuple[int, t.Payload]] = []
    ended: Any = SimpleNamespace(
        state=State(status="finished", rules=RULES),
        append=lambda generation, payload: written.append((generation, payload)),
    )

    async def go() -> list[bool]:
        control = Control()
        await control.listen(tmp_path, "r1")
        try:
            early = await asyncio.to_thread(send, tmp_path, "r1", HINT)
            await drive(ended, control)
            return [early, await asyncio.to_thread(send, tmp_path, "r1", HINT)]
        finally:
            control.close()

    assert asyncio.run(go()) == [False, True]
    assert written == [(0, t.RunHinted("look at the amounts", "ada", live=True))]


def test_a_run_that_an_engine_holds_without_listening_is_left_alone(tmp_path: Path) -> None:
    workspace = played(tmp_path)
    with contextlib.closing(RunLog.hold(tmp_path, "r1")), pytest.raises(Held):
        give(workspace, "toy-1", HINT)


def event(payload: t.Payload, n: int = 1, at: int = 0) -> Event:
    return Event(n, "run", n, payload.type, payload.version, at, 0, encode(payload), "", "")


def test_it_is_read_by_the_next_analysis_and_by_its_improvement() -> None:
    effects, read = Effects(), []
    for payload in (
        *(t.RunHinted("first", "ada"), t.StepStarted("analyse", 1), t.RunHinted("second", "ada")),
        *(t.StepStarted("improve", 1), t.StepStarted("analyse", 1)),
    ):
        effects.add(event(payload))
        read.append([hint.text for hint in effects.hints])
    assert read == [[], ["first"], ["first"], ["first"], ["first", "second"]]


def test_an_improvement_has_the_notebook_as_its_analysis_had_it_before_it_wrote_it_anew() -> None:
    effects, read = Effects(), []
    for payload in (
        *(t.StepStarted("analyse", 1), t.AnalysisFinished("", "harness", "", notebook="seven")),
        *(t.StepStarted("improve", 1), t.StepStarted("analyse", 1), t.AnalysisFinished("", "harness", "")),
        *(t.StepStarted("improve", 1), t.StepStarted("analyse", 1)),
    ):
        effects.add(event(payload))
        read.append(effects.notebook)
    assert read == ["", "", "", "seven", "seven", "seven", "seven"]


@pytest.mark.parametrize(("live", "counted"), [(True, 5.0), (False, 0.0)])
def test_the_time_until_it_counts_where_an_engine_was_at_work(live: bool, counted: float) -> None:
    words = t.RunHinted("look", "ada", live=live)
    told = [event(started()), event(t.StepStarted("baseline", 1), 2), event(words, 3, 5_000_000)]
    assert fold(told).spent.seconds == counted
