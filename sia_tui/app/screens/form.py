"""A form of named values. Values that differ from the current ones are marked."""

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
from sia_tui.app.rows.text import sanitize


class FormField(NamedTuple):
    """`value` is the current value; `suggestion` is filled in in its place, as a change."""

    name: str
    value: str
    hint: str = ""
    suggestion: str = ""


Values = dict[str, str]


class Form(ModalScreen[Values | None]):
    """Returns the changed values. An error that `check` raises is shown, and the values are kept."""

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
        self,
        title: str,
        intro: Sequence[str],
        fields: Sequence[FormField],
        check: Callable[[Values], object] | None = None,
    ) -> None:
        super().__init__()
        self._title, self._intro, self._fields, self._check = title, intro, fields, check

    def compose(self) -> ComposeResult:
        """The title, the fields, and a line for hints and errors."""
        with Vertical():
            yield Static(Text(sanitize(self._title), style="bold"))
            for line in self._intro:
                yield Static(Text(sanitize(line), style="dim"))
            with VerticalScroll(can_focus=False):
                for index, field in enumerate(self._fields):
                    with Horizontal(classes="field"):
                        value = field.suggestion or field.value
                        yield Static(self._label(field, value), id=f"label-{index}")
                        yield Input(value, placeholder=field.hint, compact=True, id=f"field-{index}")
            yield Static(Text("enter Start · tab Next · esc Cancel", style="dim"), id="hint")

    def on_mount(self) -> None:
        """Gives the first field the focus."""
        self.query(Input).first().focus()

    @property
    def values(self) -> Values:
        """The values that differ from the current ones, by name."""
        changed: Values = {}
        for index, field in enumerate(self._fields):
            value = self.query_one(f"#field-{index}", Input).value.strip()
            if value != field.value:
                changed[field.name] = value
        return changed

    def on_input_changed(self, event: Input.Changed) -> None:
        """Marks a field whose value differs from the current one."""
        index = int((event.input.id or "field-0").removeprefix("field-"))
        label = self._label(self._fields[index], event.value.strip())
        self.query_one(f"#label-{index}", Static).update(label)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Returns the values if `check` accepts them."""
        event.stop()
        try:
            if self._check:
                self._check(self.values)
        except SiaError as error:
            self.query_one("#hint", Static).update(Text(sanitize(str(error)), style="bold red"))
            return
        self.dismiss(self.values)

    @staticmethod
    def _label(field: FormField, value: str) -> Text:
        changed = value != field.value
        return Text(f"{'•' if changed else ' '} {field.name}", style="bold yellow" if changed else "")
