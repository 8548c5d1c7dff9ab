"""Lines: what is foreign becomes harmless, every theme has every tone, rows are asked for only when they are seen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from textual.app import App, ComposeResult

from engine.run.workspace import Workspace
from sia_tui.app.app import SiaApp
from sia_tui.app.rows.row import Row, row
from sia_tui.app.rows.text import escape_markup, sanitize
from sia_tui.app.widgets.lines import _TONES, Lines


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\x1b]52;c;aGk=\x07", "\\x1b]52;c;aGk=\\x07"),
        ("a\x00b", "a\\x00b"),
        ("one\ntwo\tthree", "one⏎two    three"),
        ("abc\u202egnp", "abc\\u202egnp"),
        ("\ud800", "\\ud800"),
        ("[bold]not bold[/]", "[bold]not bold[/]"),
        ("盗窃罪", "盗窃罪"),
    ],
)
def test_control_codes_are_made_visible(text: str, shown: str) -> None:
    assert sanitize(text) == shown


def test_a_very_long_line_is_cut_and_says_so() -> None:
    assert sanitize("x" * 10_000_000).endswith("… (10,000,000 characters)")
    assert len(sanitize("x" * 10_000_000)) < 5_000


def test_markup_is_none_where_textual_would_read_it() -> None:
    from textual.content import Content

    assert Content.from_markup(escape_markup("[@click=app.quit]x[/] [b]")).plain == "[@click=app.quit]x[/] [b]"


@pytest.mark.asyncio
async def test_every_theme_has_every_tone(tmp_path: Path) -> None:
    app = SiaApp(Workspace(tmp_path), shipped=False)
    async with app.run_test() as pilot:
        for theme in app.available_themes:
            app.theme = theme
            await pilot.pause()
            styles = {tone: app.main.lineage._style(tone) for tone in _TONES}
            assert styles["cursor"].bgcolor != app.main.lineage._style("").bgcolor, theme


class Counted(Sequence[Row]):
    """A million rows that know which of them were asked for."""

    def __init__(self) -> None:
        self.asked: set[int] = set()

    def __len__(self) -> int:
        return 1_000_000

    def __getitem__(self, index: int) -> Row:  # type: ignore[override]
        self.asked.add(index)
        return row(f"row {index}")


@pytest.mark.asyncio
async def test_only_rows_in_sight_are_asked_for() -> None:
    class One(App[None]):
        def compose(self) -> ComposeResult:
            yield Lines()

    async with One().run_test(size=(40, 20)) as pilot:
        lines, rows = pilot.app.query_one(Lines), Counted()
        lines.show(rows)
        lines.focus()
        await pilot.pause()
        await pilot.press("G")
        await pilot.pause()
        assert lines.cursor_row == 999_999
        assert rows.asked <= {*range(25), *range(999_970, 1_000_000)}


@pytest.mark.asyncio
async def test_a_row_that_is_wider_than_the_screen_says_so_at_its_end() -> None:
    class Wide(App[None]):
        def compose(self) -> ComposeResult:
            yield Lines()

    app = Wide()
    async with app.run_test(size=(20, 4)) as pilot:
        lines = app.query_one(Lines)
        lines.show([row("x" * 20), row("y" * 21), row("盗" * 11)])
        await pilot.pause()
        width = lines.size.width
        drawn = [lines.render_line(y).text for y in range(3)]
        assert [len(text) for text in drawn[:2]] == [width, width]
        assert drawn[1] == "y" * (width - 1) + "…"
        assert drawn[0] == ("x" * 20 if width == 20 else "x" * (width - 1) + "…")
        assert drawn[2].endswith("…") and lines.render_line(2).cell_length == width
        lines.offset_cells = 21 - width
        assert lines.render_line(1).text == "y" * width


@pytest.mark.asyncio
async def test_the_end_of_a_row_does_not_lie_under_the_scroll_bar() -> None:
    class Long(App[None]):
        def compose(self) -> ComposeResult:
            yield Lines()

    async with Long().run_test(size=(20, 4)) as pilot:
        pilot.app.query_one(Lines).show([row("y" * 21)] * 9)
        await pilot.pause()
        drawn = ["".join(one.text for one in strip) for strip in pilot.app.screen._compositor.render_strips()]
        assert all(line[:19] == "y" * 18 + "…" for line in drawn)
