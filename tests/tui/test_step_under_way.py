"""A step under way: what status line and dashboard say of it, from its events and from what its engine tells."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from engine.events import types as t
from engine.events.log import RunLog
from engine.events.storage import blobs
from engine.grading.live_work import Calls, LiveWork
from engine.loop.control_socket import Control
from sia_tui.app.screens.main import MainScreen
from tests.histories import Play, settings, started
from tests.tui.conftest import Opened, settle, texts
from tests.tui.test_acting import until

pytestmark = pytest.mark.asyncio
AGENT = {"agent": "claude", "agent_model": "anthropic:claude-haiku-4-5"}


class Begun(Play):
    """Stops where a step of the `kind` begins."""

    kind: t.StepKind = "baseline"

    def perform(self, kind: t.StepKind, generation: int, attempt: int) -> None:
        if kind == self.kind:
            self.append(generation, t.StepStarted(kind, attempt))
            raise StopIteration
        super().perform(kind, generation, attempt)


class Training(Begun):
    """A run whose first Analysis chooses to train."""

    kind: t.StepKind = "improve"

    def append(self, generation: int, *payloads: t.Payload, contents: Sequence[bytes] = ()) -> None:
        weights = t.AnalysisFinished("all is well", "weights", "r", algorithm="grpo", recipe={"rounds": 8})
        super().append(
            generation,
            *(weights if isinstance(one, t.AnalysisFinished) else one for one in payloads),
            contents=contents,
        )


@contextlib.contextmanager
def begun(workspace: Path, kind: t.StepKind, play: type[Begun] = Begun, **changes: object) -> Iterator[Begun]:
    """A live run, held by this process, in which a step of `kind` has just begun."""
    with contextlib.closing(RunLog.hold(workspace, "r1")) as log:
        one = type("One", (play,), {"kind": kind})(log, started(settings(**changes)))
        with contextlib.suppress(StopIteration):
            one.to_rest()
        yield one


def line(main: MainScreen) -> str:
    """The status line, drawn anew."""
    main._tick()
    main.refresh_lineage()
    main.status_line.fill(following=True)
    return str(main.status_line.render())


async def test_the_line_says_which_baseline_is_computed(workspace: Path, opened: Opened) -> None:
    with begun(workspace, "baseline"):
        control, work = Control(), LiveWork()
        control.work = lambda: work.with_calls(None)
        work.tell("baseline 2 of 3, LinearSVC", 12, 2500)
        await control.listen(workspace, "r1")
        async with opened(workspace, size=(80, 24)) as (pilot, main):
            await until(
                lambda: re.search(r"baselines · \d+ s so far · baseline 2 of 3, LinearSVC: 12/2,500", line(main))
            )
            work.tell("grading the baselines", 3, 2500)
            await until(lambda: " s so far · grading the baselines: 3/2,500" in line(main))
            main.go_to(1)
            await settle(pilot)
            assert "grading" not in line(main), "what is live is not of a past event"
        control.close()


async def test_the_line_says_which_model_is_called_and_for_how_long(workspace: Path, opened: Opened) -> None:
    with begun(workspace, "analyse", **AGENT):
        control = Control()
        sent = time.time_ns() // 1000 - 12_000_000
        control.work = lambda: LiveWork().with_calls(Calls("claude-haiku-4-5", 1, sent))
        await control.listen(workspace, "r1")
        async with opened(workspace, size=(80, 24)) as (_, main):
            await until(lambda: re.search(r"Analysis · \d+ s so far · calling claude-haiku-4-5 · 1", line(main)))
        control.close()


async def test_a_server_that_is_waited_for_is_named_with_the_time(workspace: Path, opened: Opened) -> None:
    with begun(workspace, "execute") as play:
        play.append(1, t.ModelRetried("task", "qwen3-4b", "val/a/0", 0, 1, 30.0, "overloaded", 529))
        async with opened(workspace, size=(80, 24)) as (pilot, main):
            await settle(pilot)
            assert "gen 1/3 waiting for the server of qwen3-4b · " in line(main)
            play.append(1, t.InstanceFinished("h", "val", "val-0", 0, 1, "p", 1.0))
            assert "waiting for the server" in line(main), "only a reply ends the waiting"


async def test_the_line_says_the_round_of_a_training(workspace: Path, opened: Opened) -> None:
    with begun(workspace, "improve", Training) as training:
        async with opened(workspace, size=(80, 24)) as (_, main):
            assert "gen 1/3 training · round 1/8 · " in line(main)
            for number in (1, 2):
                time.sleep(0.25)  # a time left of less than half a second is not said
                training.append(1, t.TrainingProgress(number, {"reward": 0.5}, number, 16))
                checkpoint = t.TrainingCheckpointed("k", number, "s", "p", blobs.digest(b"[]"), {"reward": 0.5})
                training.append(1, checkpoint, contents=[b"[]"])
            assert "gen 1/3 training · round 3/8 · " in line(main)
            assert "run > " in line(main), "two rounds say how long the others take"


async def test_the_time_goes_on_while_the_sealed_test_of_a_finished_run_is_read(
    workspace: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    with begun(workspace, "test") as play:
        play.append(play.state.generation, t.StepStarted("test", 1))
        async with opened(workspace, size=(80, 24)) as (_, main):
            later = time.time_ns() + 12_000_000_000
            monkeypatch.setattr(time, "time_ns", lambda: later)
            assert re.search(r"sealed test · 1\d s so far", line(main))
    async with opened(workspace, size=(80, 24)) as (_, main):
        assert "sealed test · 0 s so far" in line(main), "an engine that has ended works no more"


async def test_the_dashboard_shows_the_last_tool_call_of_the_agent(workspace: Path, opened: Opened) -> None:
    with begun(workspace, "improve", **AGENT) as play:
        for name, asked in (("read_file", b'{"path":"agent.py"}'), ("run_probe", b'{"skill":7}')):
            call = t.ToolCalled("feedback", "analysis/1", 0, name, blobs.digest(asked), blobs.digest(b'"ok"'))
            play.append(1, call, contents=[asked, b'"ok"'])
        async with opened(workspace, size=(160, 50)) as (pilot, main):
            await settle(pilot)
            said, *_ = [text for text in texts(main.inspector.rows) if text.startswith("agent ")]
            assert "run_probe" in said
            assert "skill" in said


async def test_an_execution_that_was_paused_keeps_its_score_in_the_lineage(workspace: Path, opened: Opened) -> None:
    with begun(workspace, "execute") as play:
        harness = play.state.of(1).candidate.harness
        for number in range(6):
            play.append(1, t.InstanceFinished(harness, "val", f"val-{number}", 0, 1, "p", float(number < 3)))
        async with opened(workspace) as (_, main):

            def shown() -> str:
                main._tick()
                main.refresh_lineage()
                return next(text for text in texts(main.lineage.rows) if "? 1" in text)

            under_way = shown()
            assert "0.5000 ± 0.2236 at 6/14" in under_way
            play.append(1, t.StepAbandoned("execute", 1, "a person asked", 6))
            assert shown() == under_way
            play.append(1, t.RunPaused("a person"))
            assert shown() == under_way
            play.append(1, t.RunResumed())
            assert shown() == under_way
            play.append(1, t.StepStarted("execute", 2))
            assert shown() == under_way
