"""Tasks 1, 9, 10 and 13: what a run does and how long it will take, what waits for a person, control, and cost."""

from __future__ import annotations

import contextlib
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.pseudo_terminal import PseudoTerminal
from engine.events import types as t
from engine.events.log import RunLog
from tests.histories import Play, settings, started
from tests.playing import small
from tests.story import sia
from tests.tui.conftest import Opened
from tests.tui.tasks.conftest import SIZES, enter, press, seen
from tests.tui.tasks.test_understanding import MODELS
from tests.tui.test_acting import engine_of, until
from tests.tui.test_progress_on_screen import GOLDEN, waiting
from tests.tui.test_same_screen import recorded

PATIENCE_S = 40.0


@contextlib.contextmanager
def running(workspace: Path, until_n: int) -> Iterator[Iterator[object]]:
    """A run whose engine is at work: the events of a recorded run up to that one, as if they had come just now."""
    events, contents = recorded(GOLDEN)
    with contextlib.closing(RunLog.hold(workspace, events[0].run)) as log:

        def append() -> Iterator[object]:
            for event in events:
                yield log.append([(event.generation, event.payload)], contents=contents[event.n], durable=False)

        appended = append()
        for _ in range(until_n):
            next(appended)
        yield appended


def test_task_01_what_the_run_does_and_how_long_it_takes_in_the_terminal_and_its_title(workspace: Path) -> None:
    with running(workspace, 30) as appended, PseudoTerminal(sia(workspace), columns=80, rows=24) as terminal:
        says = re.compile(r" running · gen 1/3 Execution · 22/40 · \d+ s (left|so far)")
        terminal.until(lambda shown: bool(says.search(shown.text)) and "0.1364 ± 0.0749 at 22/40" in shown.text)
        first = terminal.lines[-2]
        terminal.until(lambda shown: shown.lines[-2] != first, 3)  # the time goes on without an event
        assert b"]0;55% gen 1/3 Execution - times7 - sia\x07" in terminal.output
        next(appended)
        terminal.until(lambda shown: "· 23/40 ·" in shown.text, 3)
        terminal.resize(160, 50)
        terminal.until(lambda shown: "score so far" in shown.text)  # the run at a glance stands beside the lineage
        assert "gen 1/3 Execution  23/40" in terminal.text
        assert "spent" in terminal.text


@pytest.mark.asyncio
@SIZES
async def test_task_01_how_far_the_search_for_a_better_harness_is(
    workspace: Path, opened: Opened, size: tuple[int, int]
) -> None:
    probes = [event.n for event in recorded(GOLDEN)[0] if event.type == t.ProbeFinished.type]
    with running(workspace, probes[2]):
        async with opened(workspace, size=size) as (pilot, _):
            shown = await press(pilot)
            assert re.search(r"running · gen 1/3 Improvement · 3/6 probes · \d+ s (left|so far)", shown)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_task_01_at_any_moment_of_a_run_of_lawbench(tmp_path: Path) -> None:
    command = sia(tmp_path, "run", "lawbench", "--generations", "2", "--seed", "1")
    phases: set[str] = set()
    with PseudoTerminal(command, columns=80, rows=24) as terminal:
        terminal.until(lambda shown: " running · " in shown.text, PATIENCE_S)
        while " finished · " not in terminal.lines[-2]:
            terminal.watch(2.0)
            line = terminal.lines[-2]
            if " running · " not in line:
                continue
            phase = re.search(r"running · (?:gen \d/2 )?([a-zA-Z ]+?)(?: ·|$)", line)
            assert phase, line
            phases.add(phase[1])
            assert re.search(r"\d+ s (left|so far)|between", line), line
    assert {"baselines", "Execution", "Improvement"} <= phases


@pytest.mark.asyncio
@SIZES
@pytest.mark.parametrize("answer", ["approve", "reject"])
async def test_task_09_a_candidate_that_waits_is_noticed_from_another_run_and_answered(
    workspace: Path, opened: Opened, size: tuple[int, int], answer: str
) -> None:
    with contextlib.closing(RunLog.hold(workspace, "r0")) as log:
        first = t.RunStarted(started().rules, "other", started().domain, settings(generations=1))
        Play(log, first).to_rest()  # type: ignore[arg-type]
    waiting(workspace)
    async with opened(workspace, size=size) as (pilot, _):
        elsewhere = await press(pilot, "g", "j", "j")
        assert " toy-1 waits: a · finished" in elsewhere
        assert " a Approve " in elsewhere
        assert re.search(r"● toy-1 \S+  waits for you", elsewhere)
        asked = await press(pilot, "a")
        assert "toy-1: candidate 2 needs your approval" in asked
        assert "difference to the incumbent" in asked
        assert "y Approve  n Decline  e Edit  esc Later" in asked
        if answer == "approve":
            await press(pilot, "y")
        else:
            await press(pilot, "n")
            await enter(pilot, "no")
        await press(pilot, "l", "G")
        said = "approved by a person" if answer == "approve" else "declined by a person"
        await until(lambda: said in seen(pilot))
        assert "waits: a" not in seen(pilot)


@pytest.mark.asyncio
@SIZES
async def test_task_09_a_candidate_that_waits_is_edited(workspace: Path, opened: Opened, size: tuple[int, int]) -> None:
    waiting(workspace)
    async with opened(workspace, size=size) as (pilot, _):
        editing = await press(pilot, "a", "e")
        found = re.search(r"candidate 2 in (\S+)", editing)
        assert found
        assert "f Execute it" in editing
        (Path(found[1]) / "params.toml").write_text("skill = 77\n")
        await until(lambda: "skill = 77" in seen(pilot))
        await press(pilot, "f")
        await press(pilot, "l", "G")
        await until(lambda: "edited by a person" in seen(pilot))
        shutil.rmtree(found[1], ignore_errors=True)


def test_task_10_pause_resume_stop_and_an_engine_that_is_killed(tmp_path: Path) -> None:
    workspace, folder = tmp_path / "w", small(tmp_path / "task")
    run = sia(workspace, "run", folder, "--approve", "harness", "--generations", "3", "--name", "mine")
    with PseudoTerminal(run, columns=80, rows=24) as terminal:

        def until_shown(*texts: str) -> None:
            terminal.until(lambda shown: all(text in shown.text for text in texts), PATIENCE_S)

        until_shown("Candidate 2 needs your approval (a)", " a Approve ")
        engine_of(workspace).kill()
        until_shown("Engine died. p to resume", " p Resume ")
        terminal.press("p")
        terminal.until(lambda shown: "Engine died" not in shown.text and "p Resume" not in shown.text, PATIENCE_S)
        terminal.resize(160, 50)
        until_shown("resumed", " p Pause ", " S Stop ")
        terminal.press("p")
        until_shown("paused by a person", "  paused", " p Resume ")
        terminal.press("p")
        until_shown(" p Pause ", " S Stop ")
        terminal.press("S")
        until_shown("Stop mine?", "`sia resume` continues it")
        terminal.press("y")
        until_shown("  stopped", " p Resume ")
        terminal.press("q")
        assert terminal.ended() == 0
        assert b"mine is stopped" in terminal.output


@pytest.mark.asyncio
@SIZES
async def test_task_13_cost_and_budget_in_tokens_and_dollars(
    workspace: Path, opened: Opened, size: tuple[int, int]
) -> None:
    budget = t.Budget(evaluations=60, usd=2.5)
    with contextlib.closing(RunLog.hold(workspace, "r1")) as log:
        Play(log, started(settings(generations=3, budget=budget))).to_rest()  # type: ignore[arg-type]
    async with opened(workspace, size=size) as (pilot, _):
        assert "evaluations 54/60 · usd 0/2.5" in seen(pilot) or size == (80, 24)
        page = await press(pilot, "dollar_sign")
        assert "$0: no model was called" in page
        budgets = await press(pilot, "G")
        assert re.search(r"evaluations +[█░]+ 54 of 60", budgets)
        assert re.search(r"usd +░+ 0 of 2.5", budgets)


@pytest.mark.asyncio
@SIZES
async def test_task_13_what_models_were_paid(workspace: Path, opened: Opened, size: tuple[int, int]) -> None:
    async with opened(workspace, size=size, files=(MODELS,)) as (pilot, _):
        page = await press(pilot, "dollar_sign")
        assert re.search(r"\ntokens +\d+|│tokens +\d+", page)
        assert re.search(r"dollars +\$0\.\d\d", page)
        assert re.search(r"executions +\d+ +\d+ +\d+ +0\.\d{4}", page)
        assert "by generation" in page
