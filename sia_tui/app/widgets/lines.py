"""`Lines`: a list of any length, drawn line by line. What is not on the screen is never asked for.

This is the one place where text meets the terminal: control codes, bidirectional marks and line breaks become
visible here, and nothing is ever read as markup.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.color import Color
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from sia_tui.app.rows.row import LONGEST, Row
from sia_tui.cli.options import plain

SHIFT = 8


def harmless(text: str) -> str:
    """One line of foreign text as it may be drawn."""
    if len(text) > LONGEST:
        text = f"{text[:LONGEST]}… ({len(text):,} characters)"
    return text if text.isprintable() else plain(text).replace("\n", "⏎").replace("\t", "    ")


def escaped(text: str) -> str:
    """Foreign text for the few places where Textual takes nothing but markup."""
    return harmless(text).replace("[", r"\[")


_TONES: dict[str, tuple[str, str, str]] = {
    "dim": ("", "", "dim"),
    "title": ("text-primary", "", "bold"),
    "strong": ("", "", "bold"),
    "good": ("text-success", "", ""),
    "bad": ("text-error", "", ""),
    "warn": ("text-warning", "", ""),
    "accent": ("text-accent", "", ""),
    "add": ("text-success", "", ""),
    "del": ("text-error", "", ""),
    "hunk": ("text-secondary", "", ""),
    "code": ("", "", ""),
    "chart": ("text-primary", "", ""),
    "chart2": ("text-secondary", "", ""),
    "cursor": ("block-cursor-foreground", "block-cursor-background", ""),
    "cursor-blurred": ("", "block-hover-background", ""),
}
"""Of each tone the colours, by the theme's names for them, and the attribute. Component classes would say the same, and
be worked out anew for each pane whenever the focus moves."""


class Lines(ScrollView, can_focus=True):
    """Draws `rows`, with a cursor. `follow` keeps the cursor on the last row while rows are added."""

    DEFAULT_CSS = """
    Lines {
        background: $background; color: $foreground; scrollbar-size-vertical: 1; overflow-x: hidden;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", "Down", show=False, id="lines.down"),
        Binding("up,k", "move(-1)", "Up", show=False, id="lines.up"),
        Binding("pagedown,ctrl+f", "page(1)", "A page down", show=False, id="lines.page_down"),
        Binding("pageup,ctrl+b", "page(-1)", "A page up", show=False, id="lines.page_up"),
        Binding("home,g", "go_to(0)", "To the top", show=False, id="lines.top"),
        Binding("end,G", "go_to(-1)", "To the end", show=False, id="lines.end"),
        Binding("enter", "choose", "Open", show=False, id="lines.open"),
        Binding("shift+right", "shift(1)", "Shift the text left", show=False, id="lines.shift_left"),
        Binding("shift+left", "shift(-1)", "Shift the text right", show=False, id="lines.shift_right"),
    ]

    cursor: reactive[int] = reactive(0, repaint=False)
    shifted: reactive[int] = reactive(0)

    class Moved(Message):
        """The cursor is on another row."""

        def __init__(self, lines: Lines, row: Row) -> None:
            super().__init__()
            self.lines = lines
            self.row = row

    class Chosen(Moved):
        """A row was opened, with enter or a click."""

    def __init__(self, **rest: Any) -> None:
        super().__init__(**rest)
        self.rows: Sequence[Row] = ()
        self.follow = False
        self.titled = ""
        self._styles: dict[str, Style] = {}

    def show(self, rows: Sequence[Row], *, cursor: int | None = None) -> None:
        """Draws other rows; the cursor stays where it is unless it is told where to go, or follows."""
        wanted = len(rows) - 1 if self.follow else self.cursor if cursor is None else cursor
        if rows == self.rows and wanted == self.cursor:
            return
        before = self.current if self.rows else None
        self.rows = rows
        self._measure()
        self._place(wanted, told=before)
        self.refresh()

    def grow(self, rows: Sequence[Row]) -> None:
        """Draws rows that were added at the end; where they are out of sight, nothing but the scroll bar."""
        in_sight = self.scroll_offset.y + self.size.height >= len(self.rows)
        if self.follow or in_sight or not self.rows:
            self.show(rows)
        else:
            self.rows = rows
            self._measure()

    def _measure(self) -> None:
        """Tells the scroll bar how long the list is; not where nothing changed, since that lays out the screen."""
        size = Size(self.size.width, len(self.rows))
        if size != self.virtual_size:
            self.set_reactive(ScrollView.virtual_size, size)  # plainly set, it would lay out the whole screen
            self._scroll_update(size)

    @property
    def current(self) -> Row | None:
        """The row under the cursor."""
        return self.rows[self.cursor] if 0 <= self.cursor < len(self.rows) else None

    def _place(self, index: int, *, told: Row | None = None) -> None:
        index = max(0, min(index, len(self.rows) - 1))
        old, self.cursor = self.cursor, index
        self.refresh_line(old)
        self.refresh_line(index)
        self._in_sight()
        now = self.current
        if now is not None and now != told:
            self.post_message(self.Moved(self, now))

    def _in_sight(self) -> None:
        """Scrolls as little as it takes to show the cursor."""
        height, top = self.size.height, self.scroll_offset.y
        if height and not top <= self.cursor < top + height:
            self.scroll_to(y=self.cursor if self.cursor < top else self.cursor - height + 1, animate=False)

    def render_line(self, y: int) -> Strip:
        """The line at `y` of the visible part."""
        index, width = self.scroll_offset.y + y, self.size.width
        base = self._style("")
        if index >= len(self.rows):
            return Strip.blank(width, base)
        segments = [
            Segment(harmless(text), base + self._style(tone) if tone else base) for text, tone in self.rows[index].spans
        ]
        strip = Strip(segments).crop_extend(self.shifted, self.shifted + width, base)
        if index == self.cursor and (self.has_focus or self.rows[index].target):
            over = self._style("cursor" if self.has_focus else "cursor-blurred")
            strip = Strip(list(Segment.apply_style(list(strip), post_style=over)), width)
        return strip

    def _style(self, tone: str) -> Style:
        if tone not in self._styles:
            base = self.rich_style
            if tone:
                colour, ground, attribute = _TONES[tone]
                below = self.background_colors[1]
                behind = self._colour(ground, below)
                drawn = Style(
                    color=self._colour(colour, behind or below).rich_color if colour else None,
                    bgcolor=behind.rich_color if ground else None,
                    bold=attribute == "bold" or None,
                    dim=attribute == "dim" or None,
                )
                base = drawn if tone.startswith("cursor") else base + drawn
            self._styles[tone] = base
        return self._styles[tone]

    def _colour(self, name: str, below: Color) -> Color:
        """The theme's colour of that name on `below`; `auto` is whatever can be read there."""
        if not name:
            return below
        value = self.app.theme_variables[name]
        if value.startswith("auto"):
            return below + below.get_contrast_text(float(value.removeprefix("auto").strip(" %") or 100) / 100)
        colour = Color.parse(value)
        return below + colour if colour.a < 1 else colour

    def notify_style_update(self) -> None:
        """Another theme: styles are looked up anew."""
        super().notify_style_update()
        self._styles = {}

    def on_resize(self) -> None:
        """Keeps the cursor in sight."""
        self._measure()
        self.call_after_refresh(self._in_sight)

    def on_focus(self) -> None:
        """Draws the cursor as the one that keys move."""
        self.refresh()

    def on_blur(self) -> None:
        """And not."""
        self.refresh()

    def action_move(self, by: int) -> None:
        """Moves the cursor by rows; upwards it stops following."""
        if by < 0:
            self.follow = False
        self._place(self.cursor + by)

    def action_page(self, by: int) -> None:
        """Moves the cursor by pages."""
        self.action_move(by * max(1, self.size.height - 1))

    def action_go_to(self, index: int) -> None:
        """To the row at `index`; -1 is the last, and is followed from there on where rows are added."""
        self._place(len(self.rows) - 1 if index < 0 else index)
        self.follow = index < 0 and self.can_follow

    can_follow = False

    def action_shift(self, by: int) -> None:
        """Moves the text sideways."""
        self.shifted = max(0, self.shifted + by * SHIFT)

    def action_choose(self) -> None:
        """Opens the row under the cursor."""
        if (now := self.current) is not None:
            self.post_message(self.Chosen(self, now))

    def on_click(self, event: events.Click) -> None:
        """A click moves the cursor, a second one opens."""
        index = self.scroll_offset.y + event.y
        if index < len(self.rows):
            again = index == self.cursor
            self.follow = False
            self._place(index)
            if again or event.chain > 1:
                self.action_choose()

    def on_mouse_scroll_up(self) -> None:
        """Looking back ends following."""
        self.follow = False
