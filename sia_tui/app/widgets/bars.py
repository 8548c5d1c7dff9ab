"""The bars around the panes: the path and a note at the top, the keys and the replay at the foot."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from rich.cells import cell_len
from rich.text import Text
from textual.events import Click
from textual.widgets import Static

from sia_tui.app.keys import MAIN, Key, Keymap
from sia_tui.app.navigator.availability import unavailable
from sia_tui.app.navigator.breadcrumbs import breadcrumbs, empty_note, urgent_note
from sia_tui.app.navigator.footer import footer
from sia_tui.app.navigator.navigator import Navigator
from sia_tui.app.rows.text import sanitize
from sia_tui.app.rows.units import format_time

_REPLAY_WIDTH = 24
_KEYS = {key.id: key for key in MAIN}
_LAST = ("help", "quit")
"""The keys at the end of the footer, which stay where it is narrow: all keys, and the way out."""


Part = tuple[str, str] | str
"""A text, or a text and its style."""
_DOT = " · "


class Bar(Static):
    """One line, drawn again only when its text changes."""

    DEFAULT_CSS = "Bar { height: 1; text-wrap: nowrap; text-overflow: ellipsis; }"

    _text: Text | None = None
    _parts: Sequence[Part] = ()
    _fitted = 0
    """The width for which the parts were chosen."""

    def draw_parts(self, parts: Sequence[Part]) -> None:
        """Shows the parts, the most important first; those that the width has no room for are left out as a whole."""
        if (parts, self.size.width) == (self._parts, self._fitted):  # as at most looks at the clock
            return
        self._parts, self._fitted = parts, self.size.width
        ends = accumulate(len(_DOT) + cell_len(sanitize(_styled(part)[0])) for part in parts)
        count = sum(end - len(_DOT) <= self._fitted for end in ends)
        self.draw(join_parts(parts[: max(1, count)]))

    def on_resize(self) -> None:
        """Fits the parts to the new width."""
        if self._parts:
            self.draw_parts(self._parts)

    def fits(self, text: Text) -> bool:
        """Whether there is room for all of `text`."""
        return text.cell_len <= self.size.width

    def draw(self, text: Text) -> None:
        """Shows `text`."""
        if self._text is None or text != self._text or text.spans != self._text.spans:
            self._text = text
            self.update(text, layout=False)


class Breadcrumbs(Bar):
    """The path to where the user is, and a note."""

    DEFAULT_CSS = "Breadcrumbs { padding: 0 1; background: $panel; }"

    def __init__(self, navigator: Navigator) -> None:
        super().__init__(markup=False)
        self._navigator = navigator
        self._note = ""

    def fill(self, note: str = "") -> None:
        """Draws the path, and behind it what the user must know, or `note`. What is narrow shows the path's end."""
        self._note = note
        parts = [sanitize(part) for part in breadcrumbs(self._navigator)]
        note = urgent_note(self._navigator) or note or empty_note(self._navigator)
        while not self.fits(text := _path(parts, sanitize(note))) and len(parts) > (2 if parts[0] == "…" else 1):
            parts = ["…", *parts[2 if parts[0] == "…" else 1 :]]
        self.draw(text)

    def on_resize(self) -> None:
        """Fits the path to the new width."""
        self.fill(self._note)


class KeyBar(Bar):
    """The footer: the keys that matter here; a click does what the key does."""

    DEFAULT_CSS = "KeyBar { background: $panel; }"

    def __init__(self, navigator: Navigator, keymap: Keymap) -> None:
        super().__init__(markup=False)
        self._navigator, self._keymap = navigator, keymap
        self._ends: Sequence[tuple[int, str]] = ()

    def fill(self) -> None:
        """Draws the keys; where there is no room for all, the least important are left out."""
        here = dict.fromkeys([*footer(self._navigator), *(key.id for key in MAIN if key.in_footer)])
        available = [one for one in here if not unavailable(one, self._navigator)]
        keys = [_KEYS[one] for one in (*(one for one in available if one not in _LAST), *_LAST)]
        cells = [sum(map(cell_len, self._words(key))) for key in keys]
        while sum(cells) > self.size.width and len(keys) > len(_LAST):
            del keys[-len(_LAST) - 1], cells[-len(_LAST) - 1]
        self.draw(self._line(keys))

    def _line(self, keys: Sequence[Key]) -> Text:
        text = Text(no_wrap=True, overflow="ellipsis")
        ends: list[tuple[int, str]] = []
        for key in keys:
            pressed, label = self._words(key)
            text.append(pressed, style="bold").append(label)
            ends.append((text.cell_len, key.action))
        self._ends = ends
        return text

    def _words(self, key: Key) -> tuple[str, str]:
        """What to press, and what that does."""
        return f" {self._keymap.label(key).partition(' ')[0]}", f" {self._label(key)} "

    def _label(self, key: Key) -> str:
        if key.id != "pause":
            return key.label
        return "Pause" if self._navigator.status_now in ("running", "starting") else "Resume"

    def on_resize(self) -> None:
        """Fits the keys to the new width."""
        self.fill()

    async def on_click(self, event: Click) -> None:
        """Runs the action under the pointer."""
        for end, action in self._ends:
            if event.x < end:
                await self.screen.run_action(action)
                return


class ReplayBar(Bar):
    """The event at which the run is shown; drawn while that is not its head."""

    DEFAULT_CSS = "ReplayBar { background: $surface; color: $text-accent; display: none; }"

    def __init__(self, navigator: Navigator) -> None:
        super().__init__(markup=False)
        self._navigator = navigator

    def fill(self) -> None:
        """Draws the position and the speed."""
        cursor = self._navigator.cursor
        visible = cursor is not None and not cursor.at_head
        if self.display != visible:
            self.display = visible
        if cursor is None or not visible:
            return
        position = round(_REPLAY_WIDTH * cursor.n / cursor.head) if cursor.head else 0
        state, key = (f"▶ playing {cursor.speed:g}x", "pause") if cursor.playing else ("❚❚ paused", "play")
        self.draw_parts(
            [
                (f" {state}", "bold"),
                "━" * position + "●" + "─" * (_REPLAY_WIDTH - position),
                f"event {cursor.n:,} of {cursor.head:,}",
                f"generation {cursor.snapshot.generation_of(cursor.n)}",
                format_time(cursor.time),
                (f"r {key}, [ ] step, t newest event", "dim"),
            ]
        )


def _path(parts: Sequence[str], note: str) -> Text:
    text = Text(" › ".join(parts), style="bold", no_wrap=True, overflow="ellipsis")
    if note:
        text.append(f"  {note}", style="not bold yellow")
    return text


def _styled(part: Part) -> tuple[str, str]:
    return part if isinstance(part, tuple) else (part, "")


def join_parts(parts: Sequence[Part]) -> Text:
    """Texts, or (text, style) pairs, with dots between them."""
    joined = Text(no_wrap=True, overflow="ellipsis")
    for index, part in enumerate(parts):
        text, style = _styled(part)
        joined.append(_DOT if index else "", style="dim")
        joined.append(sanitize(text), style=style)
    return joined
