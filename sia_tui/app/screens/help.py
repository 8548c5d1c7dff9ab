"""The keys that work here, and why others do not at this moment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from sia_tui.app.keys import Key
from sia_tui.app.model import event_filter as filters
from sia_tui.app.rows.row import BLANK, Row, heading, row
from sia_tui.app.widgets.lines import Lines

_LISTS = (
    ("j k, up down", "move the cursor"),
    ("g G, home end", "to the top, to the end"),
    ("ctrl+f ctrl+b, page keys", "a page on, a page back"),
    ("shift+left shift+right", "shift long lines"),
    ("1 to 9", "to that generation"),
    ("ctrl+p", "every command, run, generation and commit by name"),
)


class Help(ModalScreen[None]):
    """A list that is left with any of the usual keys."""

    DEFAULT_CSS = """
    Help { align: center middle; }
    Help Vertical { width: 92; max-width: 98%; height: 90%; border: round $primary; background: $surface; }
    Help Lines { background: $surface; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,question_mark", "dismiss(None)", "Close")]

    def __init__(self, keys: Sequence[Key], shown: Callable[[Key], str], why_not: Callable[[str], str]) -> None:
        super().__init__()
        self._rows = rows(keys, shown, why_not)

    def compose(self) -> ComposeResult:
        """One list."""
        with Vertical() as box:
            box.border_title = "keys"
            yield Lines()

    def on_mount(self) -> None:
        """Fills it."""
        lines = self.query_one(Lines)
        lines.show(self._rows)
        lines.focus()


def rows(keys: Sequence[Key], shown: Callable[[Key], str], why_not: Callable[[str], str]) -> list[Row]:
    """A row a key: its keys, its id, what it does, and why it does not where that is so."""
    found: list[Row] = [heading("in lists"), *(row((f"{keys_:<26}", "accent"), text) for keys_, text in _LISTS), BLANK]
    found.append(heading("here", "the second column is the id for tui.toml"))
    for key in keys:
        reason = why_not(key.action)
        found.append(
            row((f"{shown(key):<16}", "dim" if reason else "accent"), (f"{key.id:<12}", "dim"),
                (key.what or key.text, "dim" if reason else ""), (f"  not now: {reason}" if reason else "", "warn"))
        )  # fmt: skip
    found += [BLANK, heading("the filter"), *(row(line) for line in (filters.__doc__ or "").split("\n")[2:-1])]
    return found
