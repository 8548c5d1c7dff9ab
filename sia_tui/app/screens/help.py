"""The keys, what they do, and why some are not available now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from sia_tui.app.keys import MAIN, Key, Keymap
from sia_tui.app.model.event_filter import TERMS
from sia_tui.app.rows.row import BLANK, Row, heading, row
from sia_tui.app.widgets.lines import Lines

_LIST_KEYS = (
    ("j k, up down", "move the cursor"),
    ("g G, home end", "go to the top, to the end"),
    ("ctrl+f ctrl+b, page keys", "go down by a page, up by a page"),
    ("shift+left shift+right", "shift long lines"),
    ("n N", "in a page that is searched (/): go to the next match, to the one before"),
    ("1 to 9", "select that generation"),
    ("ctrl+p", "find any command, run, generation or commit by name"),
)

_GROUPS: dict[str, tuple[str, ...]] = {
    "moving": ("open", "close", "left", "right", "back", "forward", "filter", "go", "fold"),
    "time": ("tail", "hold", "replay", "slower", "faster", "back_event", "next_event", "back_gen", "next_gen"),
    "pages of a generation": ("verdict", "diff", "files", "analysis", "cases", "bisect", "sort", "part", "failure"),
    "pages of the run": ("map", "scores", "training", "cost", "mark", "compare"),
    "runs": ("new", "runs", "branch", "fork", "edit", "pause", "stop", "approve", "hint", "talk", "unseal", "setup"),
    "what is shown": ("outside", "copy", "wide", "help", "suspend", "quit"),
}
"""Ids of keys by what they are for."""

Group = tuple[Row, Sequence[Row]]
"""A heading, and the rows below it."""


class Help(ModalScreen[None]):
    """A list of the keys."""

    DEFAULT_CSS = """
    Help { align: center middle; }
    Help Vertical { width: 92; max-width: 98%; height: 90%; border: round $primary; background: $surface; }
    Help Lines { background: $surface; }
    Help Input, Help Input:focus { background: $boost; margin: 0 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark", "dismiss(None)", "Close", priority=True),
        Binding("down", "list('move(1)')", "Down", priority=True),
        Binding("up", "list('move(-1)')", "Up", priority=True),
        Binding("pagedown", "list('page(1)')", "A page down", priority=True),
        Binding("pageup", "list('page(-1)')", "A page up", priority=True),
    ]

    def __init__(self, keymap: Keymap, unavailable: Callable[[str], str]) -> None:
        super().__init__()
        self._groups = help_groups(keymap, unavailable)

    def compose(self) -> ComposeResult:
        """The filter and the list."""
        with Vertical() as box:
            box.border_title = "keys"
            yield Input(placeholder="type to filter; esc closes", compact=True)
            yield Lines()

    def on_mount(self) -> None:
        """Fills the list."""
        self.query_one(Lines).show(filtered(self._groups, ""))
        self.query_one(Input).focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Shows the rows that contain what was typed."""
        self.query_one(Lines).show(filtered(self._groups, event.value), cursor_row=0)

    async def action_list(self, action: str) -> None:
        """Moves the list's cursor while the filter has the focus."""
        await self.app.run_action(action, self.query_one(Lines))


def help_groups(keymap: Keymap, unavailable: Callable[[str], str]) -> list[Group]:
    """The keys by what they are for; each with its id, what it does, and why it is not available where it is not."""
    keys = {key.id: key for key in MAIN}
    named = {one for ids in _GROUPS.values() for one in ids}
    groups = [*_GROUPS.items(), ("more", tuple(one for one in keys if one not in named))]
    rows = [(heading(title), [_key_row(keys[one], keymap, unavailable(one)) for one in ids]) for title, ids in groups]
    lists = [row((f"{one:<26}", "accent"), text) for one, text in _LIST_KEYS]
    terms = [row((f"{term:<26}", "accent"), text) for term, text in TERMS]
    return [*rows, (heading("in lists"), lists), (heading("filter", "an event must pass all terms"), terms)]


def filtered(groups: Sequence[Group], text: str) -> list[Row]:
    """The rows that contain all words of `text`, in any case, under the headings of their groups."""
    words = text.casefold().split()
    rows: list[Row] = []
    for title, all_rows in groups:
        if found := [one for one in all_rows if all(word in one.text.casefold() for word in words)]:
            rows += [*([BLANK] if rows else []), title, *found]
    return rows or [row(("no key does that; ctrl+p finds runs, generations and commits", "dim"))]


def _key_row(key: Key, keymap: Keymap, reason: str) -> Row:
    return row(
        (f"{keymap.label(key):<16}", "dim" if reason else "accent"),
        (f"{key.id:<12}", "dim"),
        (key.help, "dim" if reason else ""),
        (f"  not now: {reason}" if reason else "", "warn"),
    )
