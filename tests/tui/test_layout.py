"""What the size of the screen changes, and where the user is: panes, footer, help, programs outside."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from textual.color import Color
from textual.css.stylesheet import Stylesheet
from textual.pilot import Pilot

from engine.events import types as t
from engine.events.log import RunLog
from engine.run.workspace import Workspace
from sia_tui.app.app import SiaApp
from sia_tui.app.navigator.footer import footer
from sia_tui.app.navigator.place import Pane
from sia_tui.app.rows.row import Page, Target
from sia_tui.app.screens import outside
from sia_tui.app.screens.help import Help
from sia_tui.app.screens.main import MainScreen
from sia_tui.app.themes import SIA, SIA_LIGHT
from sia_tui.app.widgets import inspector_pane
from tests.histories import SECOND, Play, settings, started
from tests.tui.conftest import Opened, settle, texts, until

SIZES = [(40, 12), (80, 24), (110, 30), (139, 40), (140, 40), (160, 50), (200, 55)]


def shown(main: MainScreen) -> list[Pane]:
    return [pane for pane in Pane if main.panes.all[pane].display]


@pytest.mark.asyncio
@pytest.mark.parametrize("size", SIZES)
async def test_the_focused_pane_takes_half_or_all(played: Path, opened: Opened, size: tuple[int, int]) -> None:
    columns, _ = size
    async with opened(played, size=size) as (pilot, main):
        for pane in Pane:
            main.show_pane(pane)
            await settle(pilot)
            count = 3 if columns >= 140 else 2 if columns >= 110 else 1
            assert len(shown(main)) == count
            assert pane in shown(main)
            share = main.panes.all[pane].outer_size.width / columns
            assert share == pytest.approx(1.0 if count == 1 else 0.5, abs=0.02)


@pytest.mark.asyncio
@pytest.mark.parametrize("size", SIZES)
async def test_the_footer_fits_and_names_the_way_out(played: Path, opened: Opened, size: tuple[int, int]) -> None:
    async with opened(played, size=size) as (pilot, main):
        for pane in Pane:
            main.show_pane(pane)
            await settle(pilot)
            line = str(main.key_bar.render())
            assert len(line) <= size[0]
            assert line.rstrip().endswith("q Quit")
            assert "? Keys" in line


@pytest.mark.asyncio
async def test_the_footer_knows_the_rows_of_a_page_that_takes_long(
    played: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slowly(*arguments: Any) -> Page:
        time.sleep(0.3)
        return build(*arguments)

    build = inspector_pane.build_page
    async with opened(played) as (pilot, main):
        monkeypatch.setattr(inspector_pane, "build_page", slowly)
        monkeypatch.setattr(main, "_refresh_slowly", lambda: None)  # or it would be drawn again within the second
        await pilot.press("x")
        await until(pilot, lambda: main.navigator.current_instance)
        await until(pilot, lambda: "B Bisect" in str(main.key_bar.render()))


@pytest.mark.asyncio
async def test_the_footer_knows_the_rows_of_a_page_that_is_drawn_once_its_pane_has_room(
    played: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(played, size=(80, 24)) as (pilot, main):
        monkeypatch.setattr(main, "_refresh_slowly", lambda: None)  # or it would be drawn again within the second
        assert not main.inspector.display
        await pilot.press("2", "v")
        await until(pilot, lambda: main.navigator.current_instance)
        assert "B Bisect" in str(main.key_bar.render())


@pytest.mark.asyncio
async def test_the_footer_follows_the_pane_the_selection_and_the_page(played: Path, opened: Opened) -> None:
    async with opened(played, size=(80, 24)) as (pilot, main):
        assert "b Branch" in str(main.key_bar.render())
        await pilot.press("2", "F")
        await settle(pilot)
        assert footer(main.navigator)[:2] == ["open", "outside"]
        main.show_page(Target("verdict", 2))
        await settle(pilot)
        assert "d Diff" in str(main.key_bar.render())
        main.show_pane(Pane.TIMELINE)
        await settle(pilot)
        assert "/ Filter" in str(main.key_bar.render())
        await pilot.press("left_square_bracket")
        await settle(pilot)
        assert footer(main.navigator)[0] == "tail"
        assert all(not main.unavailable(one) for one in footer(main.navigator))


@pytest.mark.asyncio
async def test_the_footer_offers_to_resume_a_run_that_rests(workspace: Path, opened: Opened) -> None:
    with contextlib.closing(RunLog.hold(workspace, "r1", clock=lambda: SECOND)) as log:
        play = Play(log, started(settings(approve="all")), absent=True)  # type: ignore[arg-type]
        play.to_rest()
        async with opened(workspace, size=(80, 24)) as (pilot, main):
            for rests in (t.RunPaused("the user"), t.RunStopped("the user")):
                play.append(0, rests)
                await pilot.press("t")
                await until(pilot, lambda: " p Resume " in str(main.key_bar.render()))


@pytest.mark.asyncio
async def test_help_filters_as_one_types(played: Path, opened: Opened) -> None:
    async with opened(played) as (pilot, main):
        await pilot.press("question_mark")
        await settle(pilot)
        screen = pilot.app.screen
        assert isinstance(screen, Help)
        lines = screen.query_one("Lines")
        titles = [one.text.strip() for one in lines.rows if one.spans and one.spans[0][1] == "title"]  # type: ignore[attr-defined]
        assert {"moving", "time", "runs"} <= set(titles)
        await pilot.press(*"GATE ver")
        await settle(pilot)
        assert any(" verdict " in line for line in texts(lines.rows))  # type: ignore[attr-defined]
        assert len(lines.rows) <= 4  # type: ignore[attr-defined]
        await pilot.press(*"xxxx")
        await settle(pilot)
        (line,) = texts(lines.rows)  # type: ignore[attr-defined]
        assert "no key" in line
        await pilot.press("escape")
        await settle(pilot)
        assert pilot.app.screen is main


@pytest.mark.asyncio
async def test_what_a_page_shows_is_opened_read_only(
    played: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outside, "difftool", lambda: "")
    async with opened(played) as (pilot, main):
        assert main.navigator.cursor is not None
        snapshot = main.navigator.cursor.snapshot
        path, blob = min(snapshot.state.versions[2].files.items())
        told: list[str] = []
        main.notify = lambda message, **_: told.append(message)  # type: ignore[assignment]
        for target in (Target("file", 2, path), Target("harness", 2), Target("diff", 1, 2), Target("verdict", 2)):
            main.show_page(target)
            await settle(pilot)
            await pilot.press("o")
            await settle(pilot)
        file, folder, diff, page = (Path(one.partition(" files are in ")[2]) for one in told)
        assert file.name == Path(path).name and file.read_bytes() == snapshot.reader.blob(blob)
        assert not file.stat().st_mode & 0o222
        assert {one.relative_to(folder).as_posix() for one in folder.rglob("*") if one.is_file()} == set(
            snapshot.state.versions[2].files
        )
        assert diff.suffix == ".diff" and diff.read_text()
        assert "fixed" in page.read_text()


def test_only_the_users_own_git_settings_name_a_difftool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.delenv("GIT_CONFIG_GLOBAL", raising=False)
    (tmp_path / "repo" / ".git").mkdir(parents=True)
    (tmp_path / "repo" / ".git" / "config").write_text("[diff]\n\ttool = evil\n")
    monkeypatch.chdir(tmp_path / "repo")
    assert outside.difftool() == ""
    (tmp_path / ".gitconfig").write_text("[diff]\n\ttool = meld\n")
    assert outside.difftool() == "git difftool --no-index --no-prompt"


@pytest.mark.asyncio
async def test_where_nothing_happens_nothing_is_read(played: Path, opened: Opened) -> None:
    async with opened(played) as (_pilot, main):
        (source,) = main.navigator.sources
        main._refresh_slowly()  # the run that was selected first may not be drawn yet
        read: list[str] = []
        source.reader.db.conn.set_trace_callback(read.append)
        for _ in range(3):
            main.navigator.live_runs.poll(main.navigator.sources, force=True)
            main._refresh_slowly()
        source.reader.db.conn.set_trace_callback(None)
        assert set(read) == {"PRAGMA data_version"}


def test_the_first_screen_waits_for_no_slow_import(played: Path) -> None:
    script = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from engine.run.workspace import Workspace\n"
        "from sia_tui.app.app import SiaApp\n"
        "async def main():\n"
        "    app = SiaApp(Workspace(Path(sys.argv[1])), shipped=False)\n"
        "    async with app.run_test(size=(160, 50)) as pilot:\n"
        "        print(len(app.main.timeline.rows) > 9, 'scipy.special' in sys.modules, app.main.inspector.loads)\n"
        "        while app.main.inspector.loads:\n"
        "            await pilot.pause(0.02)\n"
        "        print(len(app.main.inspector.rows) > 9, 'scipy.special' in sys.modules)\n"
        "asyncio.run(main())\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(played)], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False", "True", "True", "True"]


AFTER_THE_FIRST_PAINT = [
    "scipy", "optuna", "sklearn", "pydantic", "sqlite_utils", "pygments.lexers", "tomllib", "tomlkit", "statistics",
    "filelock", "platformdirs.macos", "click.testing", "hashlib", "json", "secrets", "shlex", "harness_repo",
    "engine.agents", "engine.checkout", "engine.clients", "engine.compute", "engine.core.gate", "engine.evaluation",
    "engine.events.log", "engine.grading.reserve", "engine.importers", "engine.keys", "engine.loop",
    "engine.models", "engine.sandbox", "engine.steps", "engine.transfer", "engine.trust", "engine.weights",
    "sia_tui.app.model.event_search", "sia_tui.app.palette", "sia_tui.app.pages.run", "sia_tui.app.screens.dialogs",
    "sia_tui.commands",
]  # fmt: skip
"""What no first paint needs: each costs its milliseconds before a user sees anything."""


def test_the_first_paint_shows_the_run_and_waits_for_the_import_of_nothing_else(played: Path) -> None:
    script = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from engine.run.workspace import Workspace\n"
        "from sia_tui.app.app import SiaApp\n"
        "class Painted(SiaApp):\n"
        "    loaded = ()\n"
        "    def _display(self, screen, renderable):\n"
        "        super()._display(screen, renderable)\n"
        "        if not self.loaded:\n"
        "            main = self.main\n"
        "            self.loaded = len(main.timeline.rows) > 9, main.lineage.outer_size.width, *sys.modules\n"
        "async def main():\n"
        "    app = Painted(Workspace(Path(sys.argv[1])), shipped=False)\n"
        "    async with app.run_test(size=(160, 50)):\n"
        "        print(*app.loaded)\n"
        "asyncio.run(main())\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(played)], capture_output=True, text=True, check=True)
    shown, width, *loaded = done.stdout.split()
    assert (shown, width) == ("True", "80")  # the rows, in panes that need not be painted again as they get their width
    early = [one for one in loaded if any(one == name or one.startswith(f"{name}.") for name in AFTER_THE_FIRST_PAINT)]
    assert early == []


@pytest.mark.asyncio
async def test_no_style_is_parsed_before_there_is_a_screen(played: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def reparse(self: Stylesheet) -> None:
        parsed.append(self)
        parse(self)

    parse, parsed = Stylesheet.reparse, list[Stylesheet]()
    monkeypatch.setattr(Stylesheet, "reparse", reparse)
    app = SiaApp(Workspace(played), shipped=False)
    async with app.run_test(size=(160, 50)) as pilot:
        await settle(pilot)
        assert parsed == []
        panel = app.main.key_bar.styles.background
        assert panel == Color.parse(SIA.panel or "")
        app.theme = SIA_LIGHT.name
        await settle(pilot)
        assert len(parsed) == 1
        assert app.main.key_bar.styles.background == Color.parse(SIA_LIGHT.panel or "")


def test_the_app_starts_without_what_only_a_key_needs() -> None:
    script = "import sys, sia_tui.app.app; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    for name in ("new_run", "run_control", "talk", "outside"):
        assert f"sia_tui.app.actions.{name}" not in loaded
    assert "sia_tui.app.screens.dialogs" not in loaded


async def drawn(pilot: Pilot[None]) -> str:
    """The lowest line of the screen."""
    await pilot.pause(0.1)
    return "".join(one.text for one in pilot.app.screen._compositor.render_strips()[-1])


@pytest.mark.asyncio
@pytest.mark.parametrize("key", ["L", "question_mark", "n"])
async def test_what_lies_over_the_screen_shows_its_own_keys_alone(played: Path, opened: Opened, key: str) -> None:
    async with opened(played) as (pilot, main):
        assert "Quit" in await drawn(pilot)
        await pilot.press(key)
        await settle(pilot)
        assert pilot.app.screen is not main
        assert "Quit" not in await drawn(pilot)
        await pilot.press("escape")
        await settle(pilot)
        assert "Quit" in await drawn(pilot)
