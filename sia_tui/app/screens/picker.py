"""Choosing one of several by name, or a folder by its path, as one types."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar, NamedTuple

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.events import Resize
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from engine.errors import SiaError
from sia_tui.app.rows.text import sanitize
from sia_tui.app.screens.path_completion import completions

_AROUND = 8
"""Lines of the screen beside the list."""
_PATH_STARTS = ("/", "~", "./", "../")


class Offered(NamedTuple):
    """One of those to choose from, and what it is."""

    name: str
    about: str


class Picker(ModalScreen[str | None]):
    """Returns a name or a path that `check` accepts; an error that it raises is shown, and the text is kept."""

    DEFAULT_CSS = """
    Picker { align: center middle; }
    Picker Vertical { width: 84; max-width: 98%; height: auto; max-height: 96%; border: round $primary;
                      background: $surface; padding: 0 1; }
    Picker OptionList, Picker OptionList:focus { height: auto; border: none; padding: 0;
                                                 background: $surface; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Cancel"),
        Binding("tab", "complete", "Complete", priority=True),
        Binding("down", "move(1)", "Next", show=False, priority=True),
        Binding("up", "move(-1)", "Previous", show=False, priority=True),
    ]

    def __init__(
        self, question: str, hint: str, offered: Sequence[Offered], value: str, check: Callable[[str], object]
    ) -> None:
        super().__init__()
        self._question, self._hint, self._offered, self._value, self._check = question, hint, offered, value, check
        self._shown: list[Offered] = []

    def compose(self) -> ComposeResult:
        """The question, the line to type in, what fits it, and the keys."""
        with Vertical():
            yield Static(Text(sanitize(self._question), style="bold"))
            yield Input(self._value, compact=True)
            yield OptionList(compact=True)
            yield Static(Text(self._hint, style="dim"), id="hint")

    def on_mount(self) -> None:
        """Offers everything, whatever is filled in."""
        self.query_one(OptionList).can_focus = False
        self._offer(self._offered)

    def on_resize(self, event: Resize) -> None:
        """Leaves room for what is not in the list."""
        self.query_one(OptionList).styles.max_height = max(2, event.size.height - _AROUND)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Offers what fits the text."""
        text = event.value.strip()
        if text == self._value:
            return
        if text.startswith(_PATH_STARTS) or "/" in text:
            found = [Offered(path, _about_folder(path)) for path in completions(text, folders_only=True)]
            # the folders of a task hold its data and its code
            inside = _about_folder(text.rpartition("/")[0] + "/")
            self._offer([one for one in found if _may_be_chosen(one.name) and (one.about or not inside)])
        else:
            words = text.casefold().split()
            fits = [one for one in self._offered if all(word in " ".join(one).casefold() for word in words)]
            self._offer(sorted(fits, key=lambda one: not all(word in one.name.casefold() for word in words)))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Returns what the cursor is on, else the text, if `check` accepts it."""
        event.stop()
        marked = self._marked()
        self._choose(marked.name if marked else event.value.strip())

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Returns the one that was clicked."""
        event.stop()
        self._choose(self._shown[event.option_index].name)

    def action_move(self, by: int) -> None:
        """Moves the cursor of the list."""
        options = self.query_one(OptionList)
        if self._shown:
            at = options.highlighted
            options.highlighted = (
                (0 if by > 0 else len(self._shown) - 1) if at is None else (at + by) % len(self._shown)
            )

    def action_complete(self) -> None:
        """Types out the one under the cursor, else the first one."""
        marked = self._marked() or next(iter(self._shown), None)
        if marked:
            entry = self.query_one(Input)
            entry.value, entry.cursor_position = marked.name, len(marked.name)

    def _offer(self, offered: Sequence[Offered]) -> None:
        self._shown = list(offered)
        width = max((len(one.name) for one in self._shown), default=0)
        options = self.query_one(OptionList)
        options.clear_options()
        options.add_options(Option(_line(one, width)) for one in self._shown)
        options.highlighted = None

    def _marked(self) -> Offered | None:
        at = self.query_one(OptionList).highlighted
        return None if at is None else self._shown[at]

    def _choose(self, name: str) -> None:
        try:
            self._check(name)
        except SiaError as error:
            self.query_one("#hint", Static).update(Text(sanitize(str(error)), style="bold red"))
        else:
            self.dismiss(name)


def _may_be_chosen(path: str) -> bool:
    name = Path(path).name
    return name != "__pycache__" and not name.startswith(".")


def _about_folder(path: str) -> str:
    return "a task" if (Path(path).expanduser() / "domain.toml").is_file() else ""


def _line(one: Offered, width: int) -> Text:
    return Text.assemble(
        f"{sanitize(one.name):<{width}}", (f"  {sanitize(one.about)}", "dim"), no_wrap=True, overflow="ellipsis"
    )
