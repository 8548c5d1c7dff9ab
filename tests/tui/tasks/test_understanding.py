"""Tasks 2, 3, 4, 8 and 11: what a generation broke and why, prompts and inputs, harnesses, two runs, events."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tui.conftest import Opened
from tests.tui.tasks.conftest import SIZES, press

pytestmark = pytest.mark.asyncio


@SIZES
async def test_task_02_what_generation_3_broke_and_why(workspace: Path, opened: Opened, size: tuple[int, int]) -> None:
    async with opened(workspace, size=size, shipped=True) as (pilot, _):
        table = await press(pilot, "3", "v")
        assert "rejected: +0.0131 ± 0.0078 over generation 2" in table
        assert "28 broken, 42 fixed  against generation 2" in table
        assert "- case-0154        1        0" in table
        why = await press(pilot, "j", "enter")  # four keys; one more for the difference
        assert "broken by generation 3  against generation 2" in why
        assert "generation 2   + 1.000" in why
        assert "generation 3   - 0.000" in why
        assert "method centroid → blend" in why
        assert "bisect: which candidate fixed or broke it" in why
        assert "generation 3" in (await press(pilot, "B"))
