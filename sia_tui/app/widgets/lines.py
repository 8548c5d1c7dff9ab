"""`Lines`: a list of any length that asks only for the rows that are in sight.

This is where text meets the terminal. It is sanitized here, and never read as markup.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

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

from sia_tui.app.rows.found import marked
from sia_tui.app.rows.row import Row, Span
from sia_tui.app.rows.text import escape_markup, sanitize

SHIFT_CELLS = 8
LIST_KEYS = (
    Binding("down", "list('move(1)')", "Down", priority=True),
    Binding("up", "list('move(-1)')", "Up", priority=True),
    Binding("pagedown", "list('page(1)')", "A page down", priority=True),
    Binding("pageup", "list('page(-1)')", "A page up", priority=True),
)
"""For a screen whose line to type in has the focus: its `action_list` performs the action on the list."""

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
    "keyword": ("text-primary", "", "bold"),
    "string": ("text-success", "", ""),
    "number": ("text-accent", "", ""),
    "comment": ("", "", "dim"),
    "name": ("text-secondary", "", ""),
    "match": ("", "", "reverse"),
    "chart": ("text-primary", "", ""),
    "chart2": ("text-secondary", "", ""),
    "cursor": ("block-cursor-foreground", "block-cursor-background", ""),
    "cursor-blurred": ("", "block-hover-background", ""),
}
"""The foreground and background of each tone, by the theme's names, and its attribute. Component classes would do the
same, but Textual resolves them again for each pane whenever the focus moves."""


class Lines(ScrollView, can_focus=True):
    """Draws `rows`, with a cursor. With `follow`, the cursor stays on the last row while rows are added.

    What is `sought` is drawn as a match; the first `pinned` rows stay at the top, unless they need half of the list.
    """

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

    cursor_row: reactive[int] = reactive(0, repaint=False)
    offset_cells: reactive[int] = reactive(0)

    class Moved(Message):
        """The cursor moved to another row."""

        def __init__(self, lines: Lines, row: Row) -> None:
            super().__init__()
            self.lines = lines
            self.row = row

    class Chosen(Moved):
        """A row was opened, by enter or a click."""

    can_follow = False
    """Whether `G` makes the cursor follow the last row."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: Sequence[Row] = ()
        self.follow = False
        self.sought = ""
        self.pinned = 0
        self._title = ""
        self._styles: dict[str, Style] = {}

    def set_title(self, title: str) -> None:
        """Sets the border's title. An equal title is not set again, since Textual would draw it again."""
        if title != self._title:
            self._title = title
            self.border_title = escape_markup(title)

    def show(self, rows: Sequence[Row], *, cursor_row: int | None = None) -> None:
        """Draws `rows`. The cursor follows, or moves to `cursor_row`, or stays where it is."""
        index = len(rows) - 1 if self.follow else self.cursor_row if cursor_row is None else cursor_row
        if rows == self.rows and index == self.cursor_row:
            return
        before = self.current if self.rows else None
        self.rows = rows
        self._measure()
        self._move_to(index, before)
        self.refresh()

    def grow(self, rows: Sequence[Row]) -> None:
        """Draws `rows`, which differ from before at the end only; out of sight only the scroll bar changes."""
        in_sight = self.scroll_offset.y + self.size.height >= len(self.rows)
        if self.follow or in_sight or not self.rows:
            self.show(rows)
        else:
            self.rows = rows
            self._measure()

    def _measure(self) -> None:
        """Tells the scroll bar how long the list is."""
        size = Size(self.size.width, len(self.rows))
        if size != self.virtual_size:
            self.set_reactive(ScrollView.virtual_size, size)  # as a plain assignment it would lay out the whole screen
            self._scroll_update(size)

    @property
    def current(self) -> Row | None:
        """The row under the cursor."""
        return self.rows[self.cursor_row] if 0 <= self.cursor_row < len(self.rows) else None

    def _move_to(self, index: int, before: Row | None = None) -> None:
        """Moves the cursor; posts `Moved` unless the row is equal to `before`."""
        index = max(0, min(index, len(self.rows) - 1))
        old, self.cursor_row = self.cursor_row, index
        self.refresh_line(old)
        self.refresh_line(index)
        self._scroll_to_cursor()
        current = self.current
        if current is not None and current != before:
            self.post_message(self.Moved(self, current))

    def _scroll_to_cursor(self) -> None:
        """Scrolls as little as needed to show the cursor."""
        height, top, pinned = self.size.height, self.scroll_offset.y, self._pinned
        above = self.cursor_row < top + pinned and top > 0
        if height and (above or self.cursor_row >= top + height):
            y = max(0, self.cursor_row - pinned) if above else self.cursor_row - height + 1
            self.scroll_to(y=y, animate=False)

    @property
    def _pinned(self) -> int:
        return self.pinned if self.pinned <= self.size.height // 2 else 0

    def _row_at(self, y: int) -> int:
        """The number of the row that is drawn on line `y`."""
        return y if y < self._pinned else self.scroll_offset.y + y

    def render_line(self, y: int) -> Strip:
        """Line `y` of the visible part."""
        index, width = self._row_at(y), self.size.width - self.scrollbar_size_vertical
        base = self._style("")
        if index >= len(self.rows):
            return Strip.blank(width, base)
        spans: Sequence[Span] = [(sanitize(text), tone) for text, tone in self.rows[index].spans]
        if self.sought:
            spans = marked(spans, self.sought)
        segments = [Segment(text, base + self._style(tone) if tone else base) for text, tone in spans]
        whole, end = Strip(segments), self.offset_cells + width
        strip = whole.crop_extend(self.offset_cells, end, base)
        if whole.cell_length > end and width > 1:  # shift+right shows the rest
            strip = Strip([*strip.crop(0, width - 1), Segment("…", base + self._style("dim"))], width)
        if index == self.cursor_row and (self.has_focus or self.rows[index].target):
            over = self._style("cursor" if self.has_focus else "cursor-blurred")
            strip = Strip(list(Segment.apply_style(list(strip), post_style=over)), width)
        return strip

    def _style(self, tone: str) -> Style:
        if tone not in self._styles:
            base = self.rich_style
            if tone:
                foreground, background, attribute = _TONES[tone]
                below = self.background_colors[1]
                behind = self._colour(background, below)
                drawn = Style(
                    color=self._colour(foreground, behind or below).rich_color if foreground else None,
                    bgcolor=behind.rich_color if background else None,
                    bold=attribute == "bold" or None,
                    dim=attribute == "dim" or None,
                    reverse=attribute == "reverse" or None,
                )
                base = drawn if tone.startswith("cursor") else base + drawn
            self._styles[tone] = base
        return self._styles[tone]

    def _colour(self, name: str, below: Color) -> Color:
        """The theme's colour of that name on `below`; `auto` is a colour that contrasts with it."""
        if not name:
            return below
        value = self.app.theme_variables[name]
        if value.startswith("auto"):
            return below + below.get_contrast_text(float(value.removeprefix("auto").strip(" %") or 100) / 100)
        colour = Color.parse(value)
        return below + colour if colour.a < 1 else colour

    def notify_style_update(self) -> None:
        """Drops the styles of the previous theme."""
        super().notify_style_update()
        self._styles = {}

    def on_resize(self) -> None:
        """Keeps the cursor in sight."""
        self._measure()
        self.call_after_refresh(self._scroll_to_cursor)

    def on_focus(self) -> None:
        """Draws the cursor in the colours of the focused pane."""
        self.refresh()

    def on_blur(self) -> None:
        """Draws the cursor in the colours of the other panes."""
        self.refresh()

    def action_move(self, by: int) -> None:
        """Moves the cursor by rows; upwards it stops following the last row."""
        if by < 0:
            self.follow = False
        self._move_to(self.cursor_row + by)

    def action_page(self, by: int) -> None:
        """Moves the cursor by pages."""
        self.action_move(by * max(1, self.size.height - 1))

    def action_go_to(self, index: int) -> None:
        """Moves the cursor to the row at `index`; -1 is the last row, which is followed from then on."""
        self._move_to(len(self.rows) - 1 if index < 0 else index)
        self.follow = index < 0 and self.can_follow

    def action_shift(self, by: int) -> None:
        """Shifts the text sideways."""
        self.offset_cells = max(0, self.offset_cells + by * SHIFT_CELLS)

    def action_choose(self) -> None:
        """Opens the row under the cursor."""
        if (current := self.current) is not None:
            self.post_message(self.Chosen(self, current))

    def on_click(self, event: events.Click) -> None:
        """The first click moves the cursor, the second opens the row."""
        place = event.get_content_offset(self)  # without the border
        if place is not None and (index := self._row_at(place.y)) < len(self.rows):
            second = index == self.cursor_row or event.chain > 1
            self.follow = False
            self._move_to(index)
            if second:
                self.action_choose()

    def on_mouse_scroll_up(self) -> None:
        """Scrolling up stops following the last row."""
        self.follow = False
