"""The verdict as a table: pinned, sorted, filtered; with the inputs of a domain whose data is at hand."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest

from engine.events import types as t
from engine.events.log import RunLog
from engine.grading.loader import find
from engine.run.domain_session import describe
from sia_tui.app.model import instance_inputs
from sia_tui.app.rows.row import Target
from sia_tui.app.screens.main import MainScreen
from tests.histories import Play, domain, settings, started
from tests.tui.conftest import Opened, settle, texts

pytestmark = pytest.mark.asyncio


def uneven(number: int, instance: str) -> float:
    """Version 2 fixes most and breaks two, one of them by half only."""
    at = int(instance.split("-")[1])
    first = float(at < 2)
    return {1: first, 2: {0: 0.0, 1: 0.5}.get(at, 1.0)}.get(number, 1.0)


@pytest.fixture
def many(workspace: Path) -> Path:
    """A run on 60 instances, so that a verdict is longer than a screen."""
    counts = {"train": 6, "val": 60, "test": 4}
    with contextlib.closing(RunLog.hold(workspace, "r1")) as log:
        Play(log, started(settings(generations=2, agent="search"), counts), skill=uneven).to_rest()  # type: ignore[arg-type]
    return workspace


def drawn(main: MainScreen) -> list[str]:
    """The lines of the inspector as they stand on the screen."""
    return [main.inspector.render_line(y).text.rstrip() for y in range(main.inspector.size.height)]


def instances(main: MainScreen) -> list[str]:
    return [str(one.target.first) for one in main.inspector.rows if one.target and one.target.kind == "instance"]


@pytest.mark.parametrize("size", [(80, 24), (160, 50)])
async def test_the_verdict_stays_at_the_top_while_the_rows_scroll(
    many: Path, opened: Opened, size: tuple[int, int]
) -> None:
    async with opened(many, size=size) as (pilot, main):
        await pilot.press("2", "v")
        await settle(pilot)
        reason = main.navigator.cursor.snapshot.state.of(2).verdict.reason  # type: ignore[union-attr]
        pinned = main.inspector.pinned
        top = drawn(main)[:pinned]
        assert top[0] == reason[: len(top[0])]
        assert "before" in top[-1]
        assert "after" in top[-1]
        await pilot.press("G")
        assert drawn(main)[:pinned] == top
        assert main.inspector.scroll_offset.y > 0
        for _ in range(len(main.inspector.rows)):  # the cursor is in sight at each step up
            await pilot.press("k")
            at = main.inspector.cursor_row
            lines = drawn(main)
            text = main.inspector.rows[at].text.rstrip()
            assert text == "" or any(line and text.startswith(line.rstrip("…")) for line in lines)
        assert main.inspector.cursor_row == 0


async def test_a_row_has_the_scores_before_and_after_and_the_worst_comes_first(many: Path, opened: Opened) -> None:
    async with opened(many) as (pilot, main):
        await pilot.press("2", "v")
        await settle(pilot)
        rows = [one.text.split() for one in main.inspector.rows if one.target and one.target.kind == "instance"]
        assert rows[0][:4] == ["-", "val-0", "1", "0"]
        assert rows[1][:4] == ["-", "val-1", "1", "0.5"]
        assert rows[2][:4] == ["+", "val-10", "0", "1"]
        assert len(rows) == 60


async def test_a_key_sorts_and_a_key_filters(many: Path, opened: Opened) -> None:
    async with opened(many) as (pilot, main):
        await pilot.press("2", "v")
        await settle(pilot)
        everything = instances(main)
        await pilot.press("full_stop")
        await settle(pilot)
        assert instances(main) == ["val-0", "val-1"]
        await pilot.press("full_stop")
        await settle(pilot)
        assert len(instances(main)) == 58
        await pilot.press("full_stop", "comma")
        await settle(pilot)
        assert instances(main) == sorted(everything)
        assert "sort: id" in "\n".join(texts(main.inspector.rows))
        await pilot.press("enter", "escape")
        await settle(pilot)
        assert instances(main) == sorted(everything)  # the view is kept
        await pilot.press("1")
        await settle(pilot)
        assert "no table" in main.unavailable("sort")


async def test_inputs_are_shown_where_the_data_is_at_hand_and_else_why_not(
    workspace: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(instance_inputs, "_read", {})
    folder = find("toy")
    digest, counts, title = await describe(folder, None, lambda _: None)
    task = t.DomainRef("toy", "toy", digest, title, "accuracy", counts, code=folder.code_digest())
    from engine.checkout.inputs import inputs_of

    data = await inputs_of(task)
    assert {split for split, _ in data} == {"train", "val"}  # never the test
    assert all(isinstance(one, str) for one in data.values())  # drawings, without their digits
    instance_inputs.ask(task, lambda: None)
    for _ in range(500):
        if instance_inputs.known(task) is not instance_inputs.READING:
            break
        await asyncio.sleep(0.02)
    found = instance_inputs.known(task)
    assert found is not None
    assert found.text("val", "val-0-0") == data["val", "val-0-0"]
    assert found.text("test", "test-0-0") == ""

    # the made-up domain of this run has another code: why its inputs are missing is said, and the rest is shown
    with contextlib.closing(RunLog.hold(workspace, "r1")) as log:
        Play(log, started(settings(generations=2, agent="search")), skill=uneven).to_rest()  # type: ignore[arg-type]
    async with opened(workspace) as (pilot, main):
        await pilot.press("2", "v")
        await settle(pilot)
        assert "not at hand" in "\n".join(texts(main.inspector.rows))
        monkeypatch.setitem(
            instance_inputs._read, domain().digest, instance_inputs.Inputs({("val", "val-0"): "她说\n你好" * 30})
        )
        main.inspector.fill(force=True)
        await settle(pilot)
        (line,) = [one.text for one in main.inspector.rows if one.target == Target("instance", "val-0", 2)]
        assert "她说 你好" in line
        main.show_page(Target("instance", "val-0", 2))
        await settle(pilot)
        page = texts(main.inspector.rows)
        why, input_ = (next(i for i, one in enumerate(page) if one.startswith(what)) for what in ("broken by", "input"))
        assert why < input_ and "她说" in page[input_]  # an input may be longer than the screen
