"""A few screens as pictures, of a run in the golden corpus: `pytest tests/tui/test_snapshots.py --snapshot-update`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from engine.run.workspace import Workspace
from sia_tui.app.app import SiaApp
from tests.tui.conftest import settle

GOLDEN = Path(__file__).parents[1] / "golden" / "v1-times7.db"
SCREENS = {
    "panes": ((140, 36), ["2"]),
    "verdict-on-a-small-screen": ((80, 24), ["2", "v"]),
    "map": ((80, 24), ["x"]),
    "keys": ((100, 30), ["question_mark"]),
}


@pytest.mark.parametrize("name", SCREENS)
def test_the_screen_looks_as_it_did(name: str, snap_compare: Any, tmp_path: Path) -> None:
    size, keys = SCREENS[name]

    async def press(pilot: Pilot[None]) -> None:
        await settle(pilot)
        for key in keys:
            await pilot.press(key)
            await settle(pilot)
        for line in pilot.app.screen.query(Input):
            line.cursor_blink = False  # a picture may fall into the moment in which the cursor is not drawn
        await settle(pilot)

    app = SiaApp(Workspace(tmp_path), files=[GOLDEN], shipped=False)
    assert snap_compare(app, terminal_size=size, run_before=press)
