"""Task 21: a run is renamed, exported, imported and deleted."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tui.conftest import Opened, until
from tests.tui.tasks.conftest import SIZES, press, seen

pytestmark = pytest.mark.asyncio


@SIZES
async def test_task_21_a_run_is_renamed_exported_imported_and_deleted(
    played: Path, opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    monkeypatch.chdir(tmp_path)
    async with opened(played, size=size) as (pilot, _):
        runs = await press(pilot, "L")
        for words in ("name", "domain", "started ▼", "best", "usd", "r Rename", "x Export", "i Import", "d Delete"):
            assert words in runs
        assert "$ sia rename toy-1 NAME" in (await press(pilot, "r"))
        await pilot.press("ctrl+u", *"mine", "ctrl+s")
        await until(pilot, lambda: "rename toy-1" not in seen(pilot) and "│ mine " in seen(pilot))
        form = await press(pilot, "x")
        assert "$ sia export mine -o mine.sia" in form and "logs, prompts and replies" in form
        await pilot.press("ctrl+s")
        await until(pilot, lambda: Path("mine.sia").is_file() and "r Rename" in seen(pilot))
        assert "no" in (await press(pilot, "d")).lower()
        assert "│ mine " not in (await press(pilot, "enter"))  # no answer: the question stays
        await press(pilot, "y")
        await until(pilot, lambda: "r Rename" in seen(pilot) and "│ mine " not in seen(pilot))
        await press(pilot, "i")
        await pilot.press(*"mine.sia", "ctrl+s")
        await until(pilot, lambda: "● mine 0." in seen(pilot) or "│ mine " in seen(pilot))
