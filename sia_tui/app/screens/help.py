"""The keys, what they do, and why some are not available now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, NamedTuple

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.events import Resize
from textual.screen import ModalScreen
from textual.widgets import Input

from sia_tui.app.keys import MAIN, Key, Keymap
from sia_tui.app.model.event_filter import TERMS
from sia_tui.app.rows.row import BLANK, Row, Span, heading, row
from sia_tui.app.rows.text import fold
from sia_tui.app.widgets.lines import LIST_KEYS, Lines

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
    "pages of the run": ("map", "scores", "training", "cost", "isolation", "mark", "compare"),
    "runs": ("new", "runs", "branch", "fork", "edit", "pause", "stop", "approve", "hint", "talk", "unseal", "setup"),
    "what is shown": ("outside", "copy", "wide", "help", "suspend", "quit"),
}
"""Ids of keys by what they are for."""

_WITH_IDS = 64
"""The cells from which on the ids of the keys have room, too."""


class Entry(NamedTuple):
    """A key, by which names it goes, and what it does."""

    names: Sequence[Span]
    about: Sequence[Span]

    @property
    def text(self) -> str:
        """All that one may look for."""
        return "".join(text for text, _ in (*self.names, *self.about))

    def rows(self, width: int) -> list[Row]:
        """What it does is folded beside its names; on a narrow screen the id is left out."""
        names = self.names if width >= _WITH_IDS else self.names[:1]
        indent = sum(len(text) for text, _ in names)
        first, *rest = fold(self.about, max(12, width - indent))
        return [Row((*names, *first.spans)), *(row(" " * indent, *one.spans) for one in rest)]


Group = tuple[Row, Sequence[Entry]]
"""A heading, and what is below it."""


class Help(ModalScreen[None]):
    """A list of the keys."""

    DEFAULT_CSS = """
    Help { align: center middle; }
    Help Vertical { width: 110; max-width: 98%; height: 90%; border: round $primary; background: $surface; }
    Help Lines { background: $surface; }
    Help Input, Help Input:focus { background: $boost; margin: 0 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark", "dismiss(None)", "Close", priority=True),
        *LIST_KEYS,
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
        """Types into the filter."""
        self.query_one(Input).focus()

    def on_resize(self, event: Resize) -> None:
        """Folds what the keys do to the new width."""
        self.call_after_refresh(self._fill)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Shows the keys that contain what was typed."""
        self._fill()

    def _fill(self) -> None:
        lines = self.query_one(Lines)
        lines.show(filtered(self._groups, self.query_one(Input).value, lines.size.width - 1), cursor_row=0)

    async def action_list(self, action: str) -> None:
        """Moves the list's cursor while the filter has the focus."""
        await self.app.run_action(action, self.query_one(Lines))


def help_groups(keymap: Keymap, unavailable: Callable[[str], str]) -> list[Group]:
    """The keys by what they are for; each with its id, what it does, and why it is not available where it is not."""
    keys = {key.id: key for key in MAIN}
    named = {one for ids in _GROUPS.values() for one in ids}
    groups = [*_GROUPS.items(), ("more", tuple(one for one in keys if one not in named))]
    rows = [(heading(title), [_entry(keys[one], keymap, unavailable(one)) for one in ids]) for title, ids in groups]
    lists = [Entry([(f"{one:<26}", "accent")], [(text, "")]) for one, text in _LIST_KEYS]
    terms = [Entry([(f"{term:<26}", "accent")], [(text, "")]) for term, text in TERMS]
    return [*rows, (heading("in lists"), lists), (heading("filter", "an event must pass all terms"), terms)]


def filtered(groups: Sequence[Group], text: str, width: int) -> list[Row]:
    """What contains all words of `text`, in any case, under the headings of the groups, in `width` cells."""
    words = text.casefold().split()
    rows: list[Row] = []
    for title, entries in groups:
        if found := [one for one in entries if all(word in one.text.casefold() for word in words)]:
            rows += [*([BLANK] if rows else []), title, *(line for one in found for line in one.rows(width))]
    return rows or [row(("no key does that; ctrl+p finds runs, generations and commits", "dim"))]


def _entry(key: Key, keymap: Keymap, reason: str) -> Entry:
    names: list[Span] = [(f"{keymap.label(key):<16}", "dim" if reason else "accent"), (f"{key.id:<12}", "dim")]
    why_not: list[Span] = [(f"; not now: {reason}", "warn")] if reason else []
    return Entry(names, [(key.help, "dim" if reason else ""), *why_not])
