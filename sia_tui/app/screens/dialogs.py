"""Dialogs: a line of text, and yes or no."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from engine.errors import SiaError
from sia_tui.app.rows.text import sanitize

Check = Callable[[str], object]


class Prompt(ModalScreen[str | None]):
    """One line of text at the foot of the screen. An error that `check` raises is shown, and the text is kept.

    `history` is what was entered before, the last one at the end: up and down go through it, and back to what is typed.
    """

    DEFAULT_CSS = """
    Prompt { align: left bottom; background: $background 0%; }
    Prompt Vertical { height: auto; background: $panel; padding: 0 1; }
    Prompt Input, Prompt Input:focus { background: $boost; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Cancel"),
        Binding("up", "recall(-1)", "Entered before"),
        Binding("down", "recall(1)", "Entered after"),
    ]

    def __init__(
        self,
        question: str,
        hint: str = "",
        value: str = "",
        check: Check | None = None,
        history: Sequence[str] = (),
    ) -> None:
        super().__init__()
        self._question, self._hint, self._value, self._check = question, hint, value, check
        self._lines = [*history, value]
        self._at = len(history)

    def compose(self) -> ComposeResult:
        """The question, the input, and a hint."""
        with Vertical():
            yield Static(Text(self._question, style="bold"))
            yield Input(self._value, compact=True)
            yield Static(Text(self._hint, style="dim"), id="hint")

    def action_recall(self, by: int) -> None:
        """Shows what was entered before, or after, what is shown."""
        field = self.query_one(Input)
        self._lines[self._at] = field.value
        self._at = max(0, min(self._at + by, len(self._lines) - 1))
        field.value = self._lines[self._at]
        field.cursor_position = len(field.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Returns the text if `check` accepts it."""
        event.stop()
        try:
            if self._check:
                self._check(event.value)
        except SiaError as error:
            self.query_one("#hint", Static).update(Text(sanitize(str(error)), style="bold red"))
            return
        self.dismiss(event.value)


class Confirm(ModalScreen[bool]):
    """Yes or no, before an action that costs something; `effects` lists what it does.

    Where the answer cannot be undone (`final`), enter answers nothing: only `y` is a yes.
    """

    DEFAULT_CSS = """
    Confirm { align: center middle; }
    Confirm Vertical { width: 72; max-width: 96%; height: auto; max-height: 90%; border: round $warning;
                       background: $surface; padding: 1 2; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "dismiss(True)", "Yes"),
        Binding("enter", "default", "Yes"),
        Binding("n,escape,q", "dismiss(False)", "No"),
    ]

    def __init__(self, question: str, effects: Sequence[str], *, final: bool = False) -> None:
        super().__init__()
        self._question, self._effects, self._final = question, effects, final

    def compose(self) -> ComposeResult:
        """The question, and what a yes does."""
        with Vertical():
            yield Static(Text(sanitize(self._question), style="bold"))
            yield Static(Text("\n".join(f"· {sanitize(line)}" for line in self._effects)))
            yield Static(Text("\n" + ("y Yes" if self._final else "y or enter Yes") + " · n or esc No", style="dim"))

    def action_default(self) -> None:
        """Answers yes; where the answer cannot be undone, says how to answer."""
        if self._final:
            self.notify("Press y for yes or n for no", severity="warning", timeout=4)
        else:
            self.dismiss(True)
