"""Tasks 15, 17, 22 and 25: charts, copying, a search over all runs, the honest score beside the public one."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

import pytest

from engine.events import types as t
from engine.events.log import RunLog
from tests.histories import Play
from tests.tui.conftest import Opened, until
from tests.tui.tasks.conftest import SIZES, press, seen
from tests.tui.test_failures import play

pytestmark = pytest.mark.asyncio
HONEST = {
    1: (t.Score(0.2, 0.05, 12), t.PrivateCheck(True, t.Score(0.25, 0.01, 12))),
    2: (t.Score(0.9, 0.01, 12), t.PrivateCheck(False, t.Score(0.3, 0.01, 12))),
}


@pytest.fixture
def measured(workspace: Path) -> Path:
    """A run whose generation 2 trained weights, scored 0.9, and is refused by the private check, which says 0.3."""
    with contextlib.closing(RunLog.hold(workspace, "r1")) as log:
        Play(log).to_rest()  # type: ignore[arg-type]
        reports = [t.TrainingProgress(step, {"reward": step / 50, "loss": 2 / step}, 1) for step in range(1, 41)]
        log.append([(2, report) for report in reports])
        for n, (val, check) in HONEST.items():
            log.append([(n, t.ExecutionFinished({"val": val}, "d", {}, 12, 0, 1.0, None, check))])
        log.append([(2, t.GateDecided(False, "refused: failed the private check", "private check", 12))])
    return workspace


@SIZES
async def test_task_15_scores_with_errors_and_baselines_and_curves(
    measured: Path, opened: Opened, size: tuple[int, int]
) -> None:
    async with opened(measured, size=size) as (pilot, _):
        chart = await press(pilot, "s")
        for words in ("● accepted", "× refused", "◆ honest", "─ best so far", "1 standard error", "┄ always 0"):
            assert words in " ".join(chart.split())
        assert "┬" in chart and "┴" in chart  # both ends of the bars of errors
        numbers = await press(pilot, "G")
        assert "0.2000 ± 0.0500" in numbers and "baseline: always 0" in numbers
        curves = await press(pilot, "T")
        assert "reward  0.8 at step 40" in curves
        assert any("⠀" < mark <= "⣿" for mark in curves) and "→ report" in curves
        assert "loss  0.05 at step 40" in curves + await press(pilot, "G")


@SIZES
async def test_task_17_what_is_under_the_cursor_is_copied_whole(
    played: Path, opened: Opened, size: tuple[int, int]
) -> None:
    async with opened(played, size=size) as (pilot, main):
        await press(pilot, "y")
        assert pilot.app.clipboard == "toy-1"
        await press(pilot, "2", "F", "g", "y")
        assert main.navigator.cursor is not None
        commit = main.navigator.cursor.snapshot.state.versions[2].commit
        assert pilot.app.clipboard == commit and commit in seen(pilot)
        assert [one.message for one in pilot.app._notifications][-1] == f"Copied {commit}"
        await press(pilot, "3", "v", "enter")
        await press(pilot, "y")
        assert pilot.app.clipboard.startswith("val-")


@SIZES
async def test_task_25_a_refused_score_never_stands_without_the_honest_one(
    measured: Path, opened: Opened, size: tuple[int, int]
) -> None:
    async with opened(measured, size=size) as (pilot, _):
        for keys in ((), ("2",), ("s", "G"), ("escape", "L")):
            await press(pilot, *keys)
            for line in seen(pilot).splitlines():
                assert "0.9000" not in line or "0.3000" in line or re.search("0.9000 ref|refused 0.9000", line), line


@SIZES
async def test_task_22_a_text_is_found_in_the_logs_of_all_runs(
    workspace: Path, opened: Opened, size: tuple[int, int]
) -> None:
    play(workspace)
    async with opened(workspace, size=size) as (pilot, _):
        await press(pilot, "L", "slash")
        await pilot.press(*"log:RuntimeError")
        await until(pilot, lambda: "log: RuntimeError: no index" in seen(pilot))
        found = seen(pilot)
        assert "toy-1" in found and "val-" in found and "enter goes to the event" in found
        await press(pilot, "enter")
        await until(
            pilot, lambda: "  /r" in seen(pilot).splitlines()[0]
        )  # the page at the text, or at what was typed of it
        assert "Traceback (most recent call last)" in seen(pilot) and "RuntimeError: no index" in seen(pilot)
