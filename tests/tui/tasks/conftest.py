"""The tasks of a single developer in the app: the keys that are pressed, and what is then on the screen."""

from __future__ import annotations

import pytest
from textual.pilot import Pilot

from tests.tui.conftest import settle

SIZES = pytest.mark.parametrize("size", [(80, 24), (160, 50)], ids=["80x24", "160x50"])


def seen(pilot: Pilot[None]) -> str:
    """All text on the screen, a line a row, as the terminal would show it."""
    return "\n".join(strip.text for strip in pilot.app.screen._compositor.render_strips(pilot.app.size))


async def press(pilot: Pilot[None], *keys: str) -> str:
    """Presses keys one after the other, each once what the one before did is drawn; returns what is seen then."""
    for key in keys:
        await pilot.press(key)
        await settle(pilot)
    return seen(pilot)


async def enter(pilot: Pilot[None], text: str) -> str:
    """Types `text`, and enter."""
    await pilot.press(*text, "enter")
    await settle(pilot)
    return seen(pilot)
