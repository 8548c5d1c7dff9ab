"""Every key on every pane, and every name of the palette: nothing raises, and what cannot be done says why."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from textual.command import CommandPalette
from textual.pilot import Pilot

from sia_tui.app.keys import DIGITS, MAIN
from sia_tui.app.palette import Everything
from sia_tui.app.screens.main import MainScreen
from tests.tui.conftest import Opened, settle

SMALL, LARGE, TINY = (80, 24), (160, 50), (20, 6)
QUICK = [(SMALL, 0)]
REST = [pytest.param(size, pane, marks=pytest.mark.slow)
        for size in (SMALL, LARGE, TINY) for pane in (0, 1, 2) if (size, pane) not in QUICK]  # fmt: skip
KEYS = [one for key in (*MAIN, *DIGITS) for one in key.keys.split(",") if key.id != "quit"]
LISTS = ["down", "up", "j", "k", "pagedown", "pageup", "home", "end", "g", "G", "shift+right", "shift+left", "tab"]


async def home(pilot: Pilot[None], main: MainScreen) -> None:
    """Closes whatever lies over the main screen."""
    await settle(pilot)
    for _ in range(4):
        if pilot.app.screen is main:
            return
        await pilot.press("escape")
        await settle(pilot)
    raise AssertionError(f"{pilot.app.screen} is not left by escape")


@pytest.fixture
def no_engines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys are pressed here, engines are started elsewhere."""
    from sia_tui.app.actions import engine_start as launching

    async def launch(_main: object, _arguments: object, _code: object = ()) -> bool:
        return False

    monkeypatch.setattr(launching, "start_engine", launch)
    monkeypatch.setenv("EDITOR", "true")


@pytest.mark.asyncio
@pytest.mark.parametrize(("size", "pane"), [*QUICK, *REST])
@pytest.mark.usefixtures("no_engines")
async def test_every_key_on_every_pane(played: Path, opened: Opened, size: tuple[int, int], pane: int) -> None:
    async with opened(played, size=size) as (pilot, main):
        for key in (*KEYS, *LISTS):
            main.show_pane(pane)
            await pilot.press(key)
            await home(pilot, main)
        assert main.navigator.cursor is not None


@pytest.mark.slow
@pytest.mark.asyncio
@pytest.mark.usefixtures("no_engines")
async def test_every_name_of_the_palette_can_be_chosen(played: Path, opened: Opened) -> None:
    async with opened(played) as (pilot, main):
        await pilot.press("ctrl+p")
        await settle(pilot)
        assert isinstance(pilot.app.screen, CommandPalette)
        await pilot.press("escape")
        await settle(pilot)
        names = [entry.name for entry in Everything(main).entries()]
        assert {"Branch", "Fork", "generation 2", "run toy-1"} <= set(names)
        assert any(name.startswith("commit ") for name in names)
        for wanted in names:
            if wanted not in ("Quit", "Screenshot"):
                chosen = next(entry for entry in Everything(main).entries() if entry.name == wanted)
                done = chosen.perform()
                if hasattr(done, "__await__"):
                    await done  # type: ignore[misc]
                await home(pilot, main)


@pytest.mark.asyncio
@pytest.mark.usefixtures("no_engines")
@settings(
    max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    steps=st.lists(
        st.one_of(
            st.sampled_from([*KEYS, *LISTS, "ctrl+p", "y", "x", "a", "1", "space"]),
            st.tuples(st.integers(1, 200), st.integers(1, 60)),
        ),
        max_size=20,
    )
)
async def test_no_keys_and_no_size_make_it_fall(
    played: Path, opened: Opened, steps: list[str | tuple[int, int]]
) -> None:
    async with opened(played, size=(80, 24)) as (pilot, main):
        for step in steps:
            if isinstance(step, tuple):
                await pilot.resize_terminal(*step)
            else:
                await pilot.press(step)
        await home(pilot, main)


@pytest.mark.asyncio
async def test_keys_of_ones_own_are_taken_and_shown(played: Path, opened: Opened, tmp_path: Path) -> None:
    (tmp_path / "tui.toml").write_text('theme = "sia-clear"\n[keys]\nmap = "ctrl+g"\n')
    async with opened(played) as (pilot, main):
        assert pilot.app.theme == "sia-clear"
        await pilot.press("x")
        await settle(pilot)
        assert main.inspector.title != "map of 12 instances"
        await pilot.press("ctrl+g")
        await settle(pilot)
        assert main.inspector.title == "map of 12 instances"
        await pilot.press("question_mark")
        await settle(pilot)
        (line,) = [row.text for row in pilot.app.screen.query_one("Lines").rows if " map " in row.text]  # type: ignore[attr-defined]
        assert line.startswith("ctrl+g")


@pytest.mark.asyncio
async def test_a_theme_chosen_in_the_app_is_kept_and_the_one_at_the_start_is_not(
    played: Path, opened: Opened, tmp_path: Path
) -> None:
    file = tmp_path / "tui.toml"
    for chosen in ("nord", "sia"):
        async with opened(played) as (pilot, _):
            before = file.read_text() if file.exists() else None
            assert (before is None) == (chosen == "nord")
            pilot.app.search_themes()
            await pilot.pause()
            await pilot.press(*chosen)
            await pilot.pause(0.5)
            await pilot.press("enter")
            await settle(pilot)
            assert pilot.app.theme == chosen
    assert file.read_text() == 'theme = "sia"\n'
    async with opened(played) as (pilot, _):
        file.write_text("theme = ")
        pilot.app.theme = "nord"
        await settle(pilot)
        assert file.read_text() == "theme = "
        assert any("does not keep the theme" in str(one.message) for one in pilot.app._notifications)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("environment", "theme"),
    [
        ({"COLORFGBG": "0;15"}, "sia-light"),
        ({"TERM": "xterm"}, "ansi-dark"),
        ({"TERM": "xterm", "COLORFGBG": "0;15"}, "ansi-light"),
        ({"TERM": "xterm", "NO_COLOR": "1"}, "sia"),
    ],
)
async def test_the_theme_fits_the_terminal_until_one_is_chosen(
    played: Path,
    opened: Opened,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    theme: str,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    async with opened(played) as (pilot, _):
        assert pilot.app.theme == theme
        assert not (tmp_path / "tui.toml").exists()
    (tmp_path / "tui.toml").write_text('theme = "sia-clear"')
    async with opened(played) as (pilot, _):
        assert pilot.app.theme == "sia-clear"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("theme = 'mauve'", "unknown theme 'mauve'"),
        ("[keys]\nnothing = 'x'", "unknown key 'nothing'"),
        ("colour = 1", "is not valid"),
        ("theme = ", "is not valid"),
    ],
)
def test_preferences_that_are_wrong_are_one_sentence(tmp_path: Path, text: str, says: str) -> None:
    from engine.errors import SiaError
    from sia_tui.app import preferences

    (tmp_path / "tui.toml").write_text(text)
    with pytest.raises(SiaError, match=says):
        preferences.read({"branch"}, {"sia-clear"})
