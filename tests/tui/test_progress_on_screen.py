"""What is my run doing, and how long will it take: on the first screen at 80x24, at every event."""

from __future__ import annotations

import contextlib
import re
import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from benchmarks.pseudo_terminal import PseudoTerminal
from engine.core.state import fold
from engine.events import types as t
from engine.events.log import RunLog
from engine.events.reader import Reader
from engine.loop.fork import ForkPlan, fork
from engine.queries.costs import costs
from engine.run.workspace import Workspace
from sia_tui.app.app import SiaApp
from sia_tui.app.rows.row import Target
from sia_tui.app.widgets.status_line import state_parts
from sia_tui.cli.processes.engine_process import EngineProcess
from sia_tui.cli.runs import STARTING_S, status_of
from sia_tui.cli.standing import words
from tests.histories import Play, settings, started
from tests.story import sia
from tests.tui.conftest import Opened, settle, texts, until
from tests.tui.test_same_screen import again, recorded

GOLDEN = Path(__file__).parents[1] / "golden" / "v1-times7.db"


def waiting(workspace: Path, run: str = "r1") -> None:
    """A run whose second candidate needs approval, and whose engine has ended."""
    with contextlib.closing(RunLog.hold(workspace, run)) as log:
        Play(log, started(settings(approve="all")), absent=True).to_rest()  # type: ignore[arg-type]


@pytest.mark.asyncio
async def test_at_every_event_of_a_live_run_the_first_screen_says_what_it_does_and_how_long_that_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events, contents = recorded(GOLDEN)
    now = [events[0].at]
    monkeypatch.setattr(time, "time_ns", lambda: now[0] * 1000)
    seen = 0
    with again(tmp_path, events, contents) as appended:
        next(appended)
        app = SiaApp(Workspace(tmp_path), shipped=False)
        async with app.run_test(size=(80, 24)) as pilot:
            await settle(pilot)
            for event in appended:
                now[0] = event.at + 1_000_000  # within a second of truth
                app.main._tick()
                app.main.refresh_lineage()
                line, cursor = str(app.main.status_line.render()), app.main.navigator.cursor
                assert cursor is not None
                state = cursor.snapshot.state
                if state.open_step is None or state.status != "running":
                    continue
                seen += 1
                found = cursor.progress
                assert words.phase(found) in line, event.n
                assert re.search(r"\d+ s (left|so far)", line), event.n
                if found.run_left_s is not None and (found.run_known or found.run_left_s > 2):
                    assert re.search(r"run (> )?[\dhms ]+", line), event.n
                assert "run > 0 s" not in line  # which says nothing
                if state.open_step.kind == "execute":
                    assert words.amount(found) in line, event.n
                    lineage = " ".join(texts(app.main.lineage.rows))
                    assert words.so_far(found) in lineage, event.n
    assert seen > 100


@pytest.mark.asyncio
async def test_the_page_of_a_running_run_stays_while_its_events_are_followed(tmp_path: Path) -> None:
    events, contents = recorded(GOLDEN)
    with again(tmp_path, events, contents) as appended:
        for _ in range(60):
            next(appended)
        app = SiaApp(Workspace(tmp_path), shipped=False)
        async with app.run_test(size=(160, 50)) as pilot:
            await settle(pilot)
            await pilot.press("l")
            for _ in range(20):
                next(appended)
                app.main._tick()
                await settle(pilot)
                assert app.main.navigator.pages.target == Target("run")
            app.main.refresh_run(force=True)
            page = " ".join(texts(app.main.inspector.rows))
            assert "scores on val" in page
            assert "spent" in page
            await pilot.press("k")  # who moves the cursor sees the event
            await settle(pilot)
            assert app.main.navigator.pages.target is not None
            assert app.main.navigator.pages.target.kind == "event"


@pytest.mark.asyncio
async def test_a_run_that_waits_is_seen_from_another_run_and_one_key_leads_to_it(
    workspace: Path, opened: Opened
) -> None:
    waiting(workspace)
    with contextlib.closing(RunLog.hold(workspace, "r2")) as log:
        first = t.RunStarted(started().rules, "other", started().domain, settings(generations=1))
        Play(log, first).to_rest()  # type: ignore[arg-type]
    async with opened(workspace, size=(80, 24)) as (pilot, main):
        main.show_row(Target("run", "r2", "workspace"))
        main.refresh_lineage()
        assert str(main.status_line.render()).startswith(" toy-1 waits: a")
        assert str(main.key_bar.render()).startswith(" a Approve")
        assert any("toy-1" in line and "waits for you" in line for line in texts(main.lineage.rows))
        assert main.navigator.title == "toy-1 waits for you - sia"
        await pilot.press("a")
        await settle(pilot)
        assert main.navigator.cursor is not None
        assert main.navigator.cursor.run_id == "r1"
        assert type(pilot.app.screen).__name__ == "ApprovalScreen"


@pytest.mark.asyncio
@pytest.mark.parametrize(("answer", "said"), [("no", "declined"), ("yes", "approved")])
async def test_the_page_of_a_candidate_closes_once_somebody_has_decided_elsewhere(
    workspace: Path, opened: Opened, answer: t.Answer, said: str
) -> None:
    waiting(workspace)
    async with opened(workspace) as (pilot, main):
        await pilot.press("a")
        await settle(pilot)
        assert type(pilot.app.screen).__name__ == "ApprovalScreen"
        with contextlib.closing(RunLog.hold(workspace, "r1")) as log:
            state = fold(log.reader.history("r1"))
            assert state.awaiting is not None
            given = t.ApprovalGiven(state.awaiting, state.versions[state.awaiting].commit, answer, "another")
            log.append([(state.generation, given)])
        await until(pilot, lambda: pilot.app.screen is main)
        told = [one.message for one in pilot.app._notifications]
        assert f"Candidate {state.awaiting} was {said} elsewhere" in told


@pytest.mark.asyncio
async def test_a_replayed_run_that_has_finished_neither_runs_nor_is_followed(played: Path, opened: Opened) -> None:
    async with opened(played, size=(160, 50)) as (pilot, main):
        assert "following" not in str(main.status_line.render())
        await pilot.press("[")
        await settle(pilot)
        line = str(main.status_line.render())
        assert line.startswith(" past event")
        assert "running" not in line
        assert "following" not in line


@pytest.mark.asyncio
async def test_nothing_is_said_to_take_time_once_the_engine_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events, contents = recorded(GOLDEN)
    middle = next(one.n for one in events if isinstance(one.payload, t.InstanceFinished) and one.generation == 2) + 9
    monkeypatch.setattr(time, "time_ns", lambda: events[middle - 1].at * 1000)
    timed = re.compile(r"\d+ (s|m) (left|so far)|run (> )?\d")
    with again(tmp_path, events, contents) as appended:
        for _ in range(middle):
            next(appended)
        app = SiaApp(Workspace(tmp_path), shipped=False)
        async with app.run_test(size=(160, 50)) as pilot:
            await settle(pilot)
            assert timed.search(str(app.main.status_line.render()))
    app = SiaApp(Workspace(tmp_path), shipped=False)
    async with app.run_test(size=(160, 50)) as pilot:
        await settle(pilot)
        line = str(app.main.status_line.render())
        assert line.startswith(" interrupted"), line
        assert words.amount(app.main.navigator.cursor.progress) in line  # type: ignore[union-attr]
        assert not timed.search(line), line


def test_the_line_counts_what_was_executed_as_the_costs_do() -> None:
    for path in sorted(GOLDEN.parent.glob("*.db")):
        with contextlib.closing(Reader.open(path)) as reader:
            for run in reader.runs():
                history = list(reader.history(run.run))
                state = fold(history)
                some_reused = replace(state, spent=replace(state.spent, reused=410))
                counted = sum(one["evaluations"] for one in costs(history)["by"] if one["on"] != "sealed tests")
                said = [text for text, _ in state_parts(some_reused)]
                assert any(text.startswith(f"{counted:,} executed, ") for text in said), (path.stem, run.name)


def test_the_title_and_the_bell_tell_of_a_run_that_waits_and_the_title_is_given_back(workspace: Path) -> None:
    waiting(workspace)
    with PseudoTerminal(sia(workspace), columns=80, rows=24) as terminal:
        terminal.until(lambda shown: "needs your approval" in shown.text and "toy-1 waits for you: a" in shown.text)
        assert not re.search(r"[▌▐]", "".join(terminal.lines[-2:]))  # what is reported hides neither status nor keys
        terminal.until(lambda shown: b"]0;toy-1 waits for you - sia\x07" in terminal.output)
        terminal.press("q")
        assert terminal.ended() == 0
        output = bytes(terminal.output)
    assert output.count(b"\x1b[22;0t") == output.count(b"\x1b[23;0t") == 1
    assert b"\x07" in re.sub(rb"\x1b\][^\x07]*\x07", b"", output)


def test_a_branch_starts_before_its_engine_holds_it_and_is_interrupted_later(
    played: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Workspace(played)
    child = fork(place, ForkPlan("r1", 20))
    with contextlib.closing(Reader.open(place.log)) as reader:
        run = reader.find(child)
        assert status_of(place, run) == "starting"
        later = run.created_at / 1e6 + STARTING_S + 1
        monkeypatch.setattr(time, "time", lambda: later)
        assert status_of(place, run) == "interrupted"


def test_an_engine_that_ended_leaves_no_zombie(workspace: Path) -> None:
    engine = EngineProcess(["no-such-command"], workspace)
    end = time.monotonic() + 30
    while Path(f"/proc/{engine.process.pid}").exists():
        assert time.monotonic() < end
        time.sleep(0.05)
    engine.close()
