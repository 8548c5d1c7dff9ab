"""A form: named values with what they were, the changed ones marked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, NamedTuple

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from engine.errors import SiaError
from sia_tui.app.widgets.lines import harmless


class Field(NamedTuple):
    """`value` is what holds if nothing is changed; `offered` stands there in its place, as a change to be accepted."""

    name: str
    value: str
    hint: str = ""
    offered: str = ""


Values = dict[str, str]


class Form(ModalScreen[Values | None]):
    """Answers with the changed values; enter accepts from any line. What `check` refuses is said, and is not lost."""

    DEFAULT_CSS = """
    Form { align: center middle; }
    Form > Vertical { width: 84; max-width: 98%; height: auto; max-height: 96%; border: round $primary;
                      background: $surface; padding: 0 1; }
    Form VerticalScroll { height: auto; max-height: 70vh; }
    Form .field { height: 1; }
    Form .field Static { width: 24; }
    Form .field Input { width: 1fr; background: $surface; }
    Form .field Input:focus { background: $panel; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Cancel"),
        Binding("down", "app.focus_next", "Next", show=False),
        Binding("up", "app.focus_previous", "Previous", show=False),
    ]

    def __init__(
        self, title: str, intro: Sequence[str], fields: Sequence[Field], check: Callable[[Values], object] | None = None
    ) -> None:
        super().__init__()
        self._title, self._intro, self._fields, self._check = title, intro, fields, check

    def compose(self) -> ComposeResult:
        """The fields under a heading, with a line for what is wrong."""
        with Vertical():
            yield Static(Text(harmless(self._title), style="bold"))
            for line in self._intro:
                yield Static(Text(harmless(line), style="dim"))
            with VerticalScroll(can_focus=False):
                for at, field in enumerate(self._fields):
                    with Horizontal(classes="field"):
                        shown = field.offered or field.value
                        yield Static(self._label(field, shown), id=f"label-{at}")
                        yield Input(shown, placeholder=field.hint, compact=True, id=f"field-{at}")
            yield Static(
                Text("enter: go on    tab, up and down: another line    esc: leave it", style="dim"), id="hint"
            )

    def on_mount(self) -> None:
        """Begins at the first field."""
        self.query(Input).first().focus()

    @property
    def values(self) -> Values:
        """Only what was changed."""
        found: Values = {}
        for at, field in enumerate(self._fields):
            value = self.query_one(f"#field-{at}", Input).value.strip()
            if value != field.value:
                found[field.name] = value
        return found

    def on_input_changed(self, event: Input.Changed) -> None:
        """Marks what differs from before."""
        at = int((event.input.id or "field-0").removeprefix("field-"))
        self.query_one(f"#label-{at}", Static).update(self._label(self._fields[at], event.value.strip()))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Takes the values, if they will do."""
        event.stop()
        try:
            if self._check:
                self._check(self.values)
        except SiaError as error:
            self.query_one("#hint", Static).update(Text(harmless(str(error)), style="bold red"))
            return
        self.dismiss(self.values)

    @staticmethod
    def _label(field: Field, value: str) -> Text:
        changed = value != field.value
        return Text(f"{'•' if changed else ' '} {field.name}", style="bold yellow" if changed else "")
