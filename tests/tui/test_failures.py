"""What failed says so wherever its score would stand, and one key leads to the traceback."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from engine.events import types as t
from engine.events.event import Event
from engine.events.log import RunLog
from engine.events.storage import blobs
from sia_tui.app import pages
from sia_tui.app.model.failures import Failures, KnownFailures
from sia_tui.app.model.sources import Source
from sia_tui.app.rows.row import Row, Target
from tests.histories import Play, settings, started
from tests.tui.conftest import Opened, settle, texts

pytestmark = pytest.mark.asyncio
TRACE = b"Traceback (most recent call last):\n  File agent.py, line 10\nRuntimeError: no index\n"
FAILURE = t.Failure("candidate", "RuntimeError: no index")


class Failing(Play):
    """The instances that `failing` names raise; where `prepare` raises, all fail and none has a log of its own."""

    failing: Callable[[str], bool] = staticmethod(lambda instance: True)
    prepare_raises = False

    def _execute(self, generation: int, until: int | None) -> None:
        harness = self.state.of(generation).candidate.harness
        failure, log = (FAILURE, blobs.digest(TRACE)) if self.prepare_raises else (None, "")
        self.append(generation, t.HarnessPrepared(harness, 0.1, 0.1, failure, log), contents=[TRACE] if log else [])
        super()._execute(generation, until)

    def _result(self, one: t.Candidate, number: int, split: str, instance: str, repeat: int) -> t.InstanceFinished:
        result = super()._result(one, number, split, instance, repeat)
        if not self.failing(instance):
            return result
        log = "" if self.prepare_raises else blobs.digest(TRACE)
        return msgspec.structs.replace(result, score=0.0, answer="", failure=FAILURE, log=log)


def play(workspace: Path, **changes: object) -> Path:
    """A finished run of one generation, whose harness raises."""
    with contextlib.closing(RunLog.hold(workspace, "r1")) as log:
        one = Failing(log, started(settings(generations=1)), **changes.pop("play", {}))  # type: ignore[arg-type, call-overload]
        for name, value in changes.items():
            setattr(one, name, value)
        one.log.append([], contents=[TRACE])
        one.to_rest()
    return workspace


def red(rows: object) -> list[Row]:
    """The rows that say in red what failed."""
    return [one for one in rows if any(" failed: " in text and tone == "bad" for text, tone in one.spans)]  # type: ignore[attr-defined]


@pytest.mark.parametrize("size", [(80, 24), (160, 50)])
@pytest.mark.parametrize("prepare_raises", [False, True])
async def test_a_generation_that_failed_as_a_whole_says_so(
    workspace: Path, opened: Opened, size: tuple[int, int], prepare_raises: bool
) -> None:
    play(workspace, prepare_raises=prepare_raises)
    async with opened(workspace, size=size) as (pilot, main):
        (shown,) = red(main.lineage.rows)
        assert "! 1 1st  14/14 failed: RuntimeError: no index" in shown.text
        assert "0.0000" not in " ".join(texts(main.lineage.rows))
        assert "best" not in str(main.status_line.render())
        assert main.navigator.cursor is not None
        on_run, on_generation = (
            red(pages.build(main.navigator.cursor.snapshot, one, 78).rows)
            for one in (Target("run"), Target("generation", 1))
        )
        assert "!   1 14/14 failed: RuntimeError: no index" in on_run[0].text
        assert [one.text for one in on_generation] == ["14/14 failed: RuntimeError: no index"]
        assert "14/14 failed (X)" in str(main.status_line.render())
        await pilot.press("1", "X")
        await settle(pilot)
        page = texts(main.inspector.rows)
        assert page[0] == "RuntimeError: no index"
        assert "  File agent.py, line 10" in page
        assert any(("prepare of generation 1" if prepare_raises else "val-0 of val") in line for line in page)


async def test_where_some_failed_the_score_stands_beside_them(workspace: Path, opened: Opened) -> None:
    play(workspace, failing=lambda instance: instance.endswith("1"))
    async with opened(workspace) as (pilot, main):
        (shown,) = red(main.lineage.rows)
        assert "+ 1 1st  0.0833  3/14 failed: RuntimeError: no index" in shown.text
        await pilot.press("X")
        await settle(pilot)
        assert any("val-1 of val, generation 1" in line for line in texts(main.inspector.rows))


async def test_the_failed_event_under_the_cursor_comes_first(workspace: Path, opened: Opened) -> None:
    play(workspace, failing=lambda instance: instance.endswith("1"))
    async with opened(workspace) as (pilot, main):
        await pilot.press("slash", *"id:val-11", "enter")
        await settle(pilot)
        await pilot.press("g", "X")
        await settle(pilot)
        assert any("val-11 of val" in line for line in texts(main.inspector.rows))


async def test_a_step_that_failed_says_so_and_where(workspace: Path, opened: Opened) -> None:
    fails = [("write", 0, attempt) for attempt in (1, 2, 3)]
    play(workspace, play={"fails": fails})
    async with opened(workspace) as (pilot, main):
        (shown,) = red(main.inspector.rows)
        assert "write 3 failed" in shown.text
        await pilot.press("X")
        await settle(pilot)
        page = texts(main.inspector.rows)
        assert page[0] == "write 3 failed"
        assert any("attempt 3" in line for line in page)


async def test_nothing_failed_is_said_too(played: Path, opened: Opened) -> None:
    async with opened(played) as (pilot, main):
        await pilot.press("X")
        await settle(pilot)
        assert any("Nothing has failed" in str(one.message) for one in main.app._notifications)
        assert "failed (X)" not in str(main.status_line.render())
        assert not red([*main.lineage.rows, *main.inspector.rows])


async def test_failures_that_were_read_before_their_execution_ended_are_told_when_it_has(workspace: Path) -> None:
    known, told = KnownFailures(), dict[int, Failures]()

    class Watched(Failing):
        def take(self, event: Event) -> None:
            super().take(event)
            told.update(known.of(source, source.reader.find("r1")))

    with contextlib.closing(RunLog.hold(workspace, "r1")) as log:
        source = Source(workspace / "events.db", "workspace", "")
        log.append([], contents=[TRACE])
        play = Watched(log, started(settings(generations=2)))
        play.failing = lambda instance: instance == "val-0"
        play.to_rest()
        assert {n: (one.failed, one.message) for n, one in told.items()} == dict.fromkeys((1, 2), (1, FAILURE.message))
        assert KnownFailures().of(source, source.reader.find("r1")) == told
        source.reader.close()
