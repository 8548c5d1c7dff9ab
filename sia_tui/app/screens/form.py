"""A form of named values. Values that differ from the current ones are marked."""

from __future__ import annotations

import re
import shlex
from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.events import DescendantFocus, Resize
from textual.geometry import Size
from textual.screen import ModalScreen
from textual.suggester import SuggestFromList
from textual.widgets import Button, Input, Select, Static

from engine.errors import SiaError
from sia_tui.app.rows.text import sanitize
from sia_tui.app.screens.form_field import FormField, Values
from sia_tui.app.screens.path_completion import PathSuggester

_AROUND = 9
"""Lines of the form beside its introduction and its fields."""
_LOW = 18
"""Lines of a screen that has no room for the introduction."""


class Choice(Select[str], inherit_bindings=False):
    """A list of values, which `enter` opens."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter,space", "show_overlay", "Choose")]


class Fields(VerticalScroll, inherit_bindings=False):
    """The fields of a form. Up and down are the form's, and do not scroll."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("pagedown", "page_down", "A page down", show=False),
        Binding("pageup", "page_up", "A page up", show=False),
    ]


class Form(ModalScreen[Values | None]):
    """Returns the changed values, once `check` and `submit` accept them.

    An error of theirs is shown at its field, and the form stays open with all that was typed; so it does where
    `submit`, which does what the form is for, returns nothing. Where the form is closed before `submit` has ended, that
    goes on, and its error is a notification; without `goes_on` it is cancelled. `command` is the command line that
    would do the same, and `button` says what is done with the changed values.
    """

    DEFAULT_CSS = """
    Form { align: center middle; }
    Form > Vertical { width: 100; max-width: 98%; height: auto; max-height: 100%; border: round $primary;
                      background: $surface; padding: 0 1; }
    Form Fields { height: auto; }
    Form .field { height: 1; }
    Form .field .label { width: 22; }
    Form .field .beside { width: 2fr; padding: 0 0 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
    Form .field Input, Form .field Choice { width: 1fr; background: $surface; }
    Form .field Input:focus, Form .field Choice:focus { background: $panel; }
    Form #command { height: auto; max-height: 3; margin: 1 0 0 0; }
    Form #hint { height: auto; max-height: 3; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "Cancel"),
        Binding("ctrl+s", "accept", "Start", priority=True),
        Binding("down", "app.focus_next", "Next", show=False),
        Binding("up", "app.focus_previous", "Previous", show=False),
    ]

    def __init__(
        self,
        title: str,
        intro: Sequence[str],
        fields: Sequence[FormField],
        check: Callable[[Values], object] | None = None,
        *,
        command: Callable[[Values], Sequence[str]] | None = None,
        submit: Callable[[Values], Awaitable[object]] | None = None,
        button: str | Callable[[Values], str] = "Start",
        goes_on: bool = True,
    ) -> None:
        super().__init__()
        self._title, self._intro, self._fields = title, intro, fields
        self._check, self._command, self._submit = check, command, submit
        self._name_button = button if callable(button) else lambda _: button
        self._button, self._accepting = self._name_button({}), False
        self._goes_on, self._was_left = goes_on, False
        self._complaints: dict[int, str] = {}

    def compose(self) -> ComposeResult:
        """The title, the fields, the command, the button, and a line for hints and errors."""
        with Vertical():
            yield Static(Text(sanitize(self._title), style="bold"))
            for line in self._intro:
                yield Static(Text(sanitize(line), style="dim"), classes="intro")
            with Fields(can_focus=False):
                for index, field in enumerate(self._fields):
                    with Horizontal(classes="field"):
                        yield Static(classes="label", id=f"label-{index}")
                        yield _entry(field, f"field-{index}")
                        yield Static(Text(sanitize(field.hint), style="dim"), classes="beside", id=f"beside-{index}")
            yield Static(id="command")
            yield Button(self._button, compact=True, variant="primary", id="accept")
            yield Static(Text(self._keys, style="dim"), id="hint")

    def on_mount(self) -> None:
        """Gives the first field the focus; already the first paint has room for the button."""
        self._leave_room(self.app.size)
        for index in range(len(self._fields)):
            self._mark(index)
        self.query_one("#field-0").focus()

    def on_resize(self, event: Resize) -> None:
        """Leaves room for what is not a field."""
        self._leave_room(event.size)

    def _leave_room(self, size: Size) -> None:
        low = size.height < _LOW
        for line in self.query(".intro"):
            line.display = not low
        intro = 0 if low else sum(1 + len(line) // max(20, min(96, size.width) - 4) for line in self._intro)
        self.query_one(Fields).styles.max_height = max(3, size.height - _AROUND - intro)

    @property
    def _keys(self) -> str:
        return f"enter Next · ctrl+s {self._button} · esc Cancel"

    @property
    def values(self) -> Values:
        """The values that differ from the current ones, by name."""
        found = {field.name: self._typed(index) for index, field in enumerate(self._fields)}
        return {field.name: found[field.name] for field in self._fields if found[field.name] != field.value}

    def on_input_changed(self, event: Input.Changed) -> None:
        """Marks a field whose value differs from the current one."""
        self._mark(_index(event.input))

    def on_select_changed(self, event: Select.Changed) -> None:
        """Marks a field whose value differs from the current one."""
        self._mark(_index(event.select))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Goes to the next field."""
        event.stop()
        self._complain_of(_index(event.input))
        self.focus_next()

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        """Says all of what is to be known of the field, of which there may be no room beside it."""
        if (event.widget.id or "").startswith("field-"):
            index = _index(event.widget)
            hint = self._fields[index].hint
            if complaint := self._complaints.get(index):
                self._say(complaint, "bold red")
            else:
                self._say(f"{hint} · {self._keys}" if hint else self._keys)

    def on_button_pressed(self) -> None:
        """Does what the form is for."""
        self.action_accept()

    def action_accept(self) -> None:
        """Checks the values and does what the form is for."""
        if not self._accepting:
            owner = self.app if self._goes_on else self  # what a screen began is cancelled when it is closed
            owner.run_worker(self._accept(), group="action")

    def action_cancel(self) -> None:
        """Closes the form."""
        self._was_left = True
        if self._accepting and self._goes_on:
            self.app.notify("The command goes on; what it refuses is told here", markup=False)
        self.dismiss(None)

    async def _accept(self) -> None:
        wrong = [index for index in range(len(self._fields)) if self._complain_of(index)]
        if wrong:
            self.query_one(f"#field-{wrong[0]}").focus()
            return
        values = self.values
        self._accepting = True
        try:
            if self._check:
                self._check(values)
            if self._submit:
                self._say("wait ...")
            if self._submit and not await self._submit(values):
                self._say(self._keys)
                return
        except SiaError as error:
            self._show(error)
            return
        except OSError as error:
            what = error.filename or "that"
            self._show(SiaError(f"the system refuses {what} ({error.strerror or error})", "choose another"))
            return
        finally:
            self._accepting = False
        if not self._was_left:
            self.dismiss(values)

    def _show(self, error: SiaError) -> None:
        """Shows an error at its field, as far as it names one, and whole below the fields."""
        text = str(error)
        if self._was_left:
            self.app.notify(sanitize(text), severity="error", markup=False)
            return
        named = [index for index, field in enumerate(self._fields) if _names(text, field.name)]
        named.sort(key=lambda index: not self._changed(index))  # what was changed is more likely to be wrong
        if named:
            self._complain(named[0], error.message)
            self._complaints[named[0]] = text
            self.query_one(f"#field-{named[0]}").focus()
        self._say(text, "bold red")

    def _complain_of(self, index: int) -> bool:
        """Says at the field what is wrong with its value; true if something is."""
        wrong = self._fields[index].wrong(self._typed(index)) if self._changed(index) else ""
        self._complain(index, wrong)
        return bool(wrong)

    def _complain(self, index: int, wrong: str) -> None:
        self._complaints[index] = wrong
        text = Text(sanitize(wrong), style="bold red") if wrong else Text(sanitize(self._fields[index].hint), "dim")
        self.query_one(f"#beside-{index}", Static).update(text)

    def _say(self, text: str, style: str = "dim") -> None:
        if not self._was_left:
            self.query_one("#hint", Static).update(Text(sanitize(text), style=style))

    def _typed(self, index: int) -> str:
        entry = self.query_one(f"#field-{index}")
        return str(entry.value).strip() if isinstance(entry, Input | Choice) else ""

    def _changed(self, index: int) -> bool:
        return self._typed(index) != self._fields[index].value

    def _mark(self, index: int) -> None:
        mark, style = ("•", "bold yellow") if self._changed(index) else (" ", "")
        self.query_one(f"#label-{index}", Static).update(Text(f"{mark} {self._fields[index].name}", style=style))
        self._complain(index, "")
        self._button = self._name_button(self.values)
        self.query_one("#accept", Button).label = self._button
        if self._command:
            words = shlex.join(["sia", *self._command(self.values)])
            self.query_one("#command", Static).update(Text(sanitize(f"$ {words}"), style="dim"))


def _entry(field: FormField, name: str) -> Input | Choice:
    value = field.suggestion or field.value
    if field.choices:
        choices = [*field.choices, *([value] if value not in field.choices else [])]
        return Choice([(one, one) for one in choices], value=value, allow_blank=False, compact=True, id=name)
    suggester = PathSuggester() if field.is_path else SuggestFromList(field.known) if field.known else None
    return Input(value, compact=True, suggester=suggester, id=name)


def _index(entry: object) -> int:
    return int(str(getattr(entry, "id", "")).removeprefix("field-"))


def _names(text: str, name: str) -> bool:
    """Whether a sentence is about the field: it holds its name, or that of its option."""
    return re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text.replace("--", "")) is not None
