"""Where nothing happens the app does next to nothing, and what then happens is shown at once."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from rich.text import Text

from engine.events import types as t
from engine.events.log import RunLog
from sia_tui.app.screens import pulse
from sia_tui.app.widgets import bars
from tests.tui.conftest import Opened, settle, until


@pytest.mark.asyncio
async def test_the_logs_are_looked_at_seldom_until_something_happens(
    played: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulse, "CALM_S", 0.2)
    async with opened(played) as (pilot, main):
        assert main.pulse is not None and main.navigator.cursor is not None
        closely = main.pulse._closely._active
        await until(pilot, lambda: not closely.is_set())
        head = main.navigator.cursor.head
        resumed: list[bool] = []
        resume = main.pulse._closely.resume
        monkeypatch.setattr(main.pulse._closely, "resume", lambda: (resume(), resumed.append(closely.is_set())))
        with contextlib.closing(RunLog.hold(played, "r1")) as log:
            log.append([(3, t.RunNoted("seen"))])
        await until(pilot, lambda: main.navigator.cursor is not None and main.navigator.cursor.head == head + 1)
        assert resumed == [True]


@pytest.mark.asyncio
async def test_a_bar_joins_its_parts_once_and_not_again_while_they_are_the_same(
    played: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    def join(parts: list[bars.Part]) -> Text:
        joined.append(len(parts))
        return whole(parts)

    whole, joined = bars.join_parts, list[int]()
    async with opened(played, size=(80, 24)) as (pilot, main):
        await settle(pilot)
        monkeypatch.setattr(bars, "join_parts", join)
        for _ in range(3):
            main.status_line.fill(following=True)
        assert joined == []
        parts = [f"part {number}" for number in range(20)]
        main.status_line.draw_parts(parts)
        assert len(joined) == 1
        shown = str(main.status_line.render())
        assert shown == " · ".join(parts[: joined[0]]) and len(shown) <= 80 < len(" · ".join(parts[: joined[0] + 1]))


@pytest.mark.asyncio
@pytest.mark.parametrize("columns", [40, 80, 160])
async def test_a_bar_has_room_for_its_first_part_and_counts_cells(played: Path, opened: Opened, columns: int) -> None:
    async with opened(played, size=(columns, 24)) as (_pilot, main):
        main.status_line.draw_parts(["一" * 100, "b"])
        assert str(main.status_line.render()).startswith("一")
        main.status_line.draw_parts(["一" * (columns // 2 - 3), "bb", "c"])
        assert str(main.status_line.render()).endswith("bb")
