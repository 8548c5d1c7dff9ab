"""Keys that come at once are handled in order, each by the screen that the one before it has opened."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from textual.events import Key, Paste
from textual.keys import _character_to_key
from textual.pilot import Pilot
from textual.widgets import Input

from engine.grading import loader
from sia_tui.app import key_order
from sia_tui.app.screens.form import Form
from sia_tui.app.screens.help import Help
from tests.tui.conftest import Opened, settle, texts

pytestmark = pytest.mark.asyncio


async def burst(pilot: Pilot[None], text: str) -> None:
    """Types `text` without a pause; `\\x7f` is backspace, `\\r` enter, `\\x10` ctrl+p."""
    named = {"\x7f": "backspace", "\r": "enter", "\x10": "ctrl+p"}
    for one in text:
        pilot.app.post_message(Key(named.get(one) or _character_to_key(one), one))
    await settle(pilot)


async def test_what_is_typed_behind_the_key_of_a_question_goes_to_the_question(played: Path, opened: Opened) -> None:
    async with opened(played, size=(80, 24)) as (pilot, main):
        await burst(pilot, "/type:gate\r")
        assert pilot.app.screen is main and main.timeline.filter is not None
        assert main.timeline.filter.text == "type:gate"
        await burst(pilot, ":g2\r")
        assert main.navigator.cursor is not None and main.navigator.cursor.snapshot.state.current is not None
        assert main.navigator.cursor.snapshot.state.current.n == 2
        await burst(pilot, "ntoy\r")
        assert isinstance(pilot.app.screen, Form)
        await pilot.press("escape")
        await settle(pilot)
        await burst(pilot, "?verdict")
        assert isinstance(pilot.app.screen, Help) and pilot.app.screen.query_one(Input).value == "verdict"


async def test_keys_wait_for_a_screen_that_takes_long_to_prepare(
    played: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = loader.find
    monkeypatch.setattr(loader, "find", lambda name: (time.sleep(1), found(name))[1])
    monkeypatch.setattr(key_order, "_LOOKS", 20)
    async with opened(played, size=(80, 24)) as (pilot, _):
        await burst(pilot, "ntoy")
        assert pilot.app.screen.query_one(Input).value == "toy"


@pytest.mark.parametrize("opener", ["/", "n", "\x10"], ids=["filter", "picker", "palette"])
async def test_what_is_taken_back_and_typed_anew_stays_in_order(played: Path, opened: Opened, opener: str) -> None:
    async with opened(played) as (pilot, _):
        await burst(pilot, opener + "trace" + 5 * "\x7f" + "deletx\x7fe")
        assert pilot.app.screen.query_one(Input).value == "delete"


async def test_what_is_pasted_goes_to_the_question(played: Path, opened: Opened) -> None:
    async with opened(played) as (pilot, main):
        pilot.app.post_message(Key("slash", "/"))
        pilot.app.post_message(Paste("type:gate"))
        await burst(pilot, "\r")
        assert [line.split()[2] for line in texts(main.timeline.rows)] == ["gate"] * 3
