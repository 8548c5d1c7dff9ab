"""The keys, what they do, and why some are not available now."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from sia_tui.app.keys import MAIN, Keymap
from sia_tui.app.model.event_filter import TERMS
from sia_tui.app.rows.row import BLANK, Row, heading, row
from sia_tui.app.widgets.lines import Lines

_LIST_KEYS = (
    ("j k, up down", "move the cursor"),
    ("g G, home end", "go to the top, to the end"),
    ("ctrl+f ctrl+b, page keys", "go down by a page, up by a page"),
    ("shift+left shift+right", "shift long lines"),
    ("1 to 9", "select that generation"),
    ("ctrl+p", "find any command, run, generation or commit by name"),
)


class Help(ModalScreen[None]):
    """A list of the keys."""

    DEFAULT_CSS = """
    Help { align: center middle; }
    Help Vertical { width: 92; max-width: 98%; height: 90%; border: round $primary; background: $surface; }
    Help Lines { background: $surface; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,question_mark", "dismiss(None)", "Close")]

    def __init__(self, keymap: Keymap, unavailable: Callable[[str], str]) -> None:
        super().__init__()
        self._rows = help_rows(keymap, unavailable)

    def compose(self) -> ComposeResult:
        """The list."""
        with Vertical() as box:
            box.border_title = "keys"
            yield Lines()

    def on_mount(self) -> None:
        """Fills the list."""
        lines = self.query_one(Lines)
        lines.show(self._rows)
        lines.focus()


def help_rows(keymap: Keymap, unavailable: Callable[[str], str]) -> list[Row]:
    """A row for each key: its keys, its id, what it does, and why it is not available where it is not."""
    rows: list[Row] = [heading("in lists"), *(row((f"{keys:<26}", "accent"), text) for keys, text in _LIST_KEYS)]
    rows += [BLANK, heading("here", "the second column is the id for tui.toml")]
    for key in MAIN:
        reason = unavailable(key.id)
        rows.append(
            row(
                (f"{keymap.label(key):<16}", "dim" if reason else "accent"),
                (f"{key.id:<12}", "dim"),
                (key.help, "dim" if reason else ""),
                (f"  not now: {reason}" if reason else "", "warn"),
            )
        )
    rows += [BLANK, heading("filter", "an event must pass all terms")]
    return [*rows, *(row((f"{term:<26}", "accent"), text) for term, text in TERMS)]
