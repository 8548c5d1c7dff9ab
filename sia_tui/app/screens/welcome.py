"""The first screen of a user without runs: what sia is, and three ways to start."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from engine import __version__
from sia_tui.app.rows.text import escape_markup
from sia_tui.cli.welcome import HERE, WAYS, WHAT


class Welcome(ModalScreen[str]):
    """Returns the name of a way to start; `look`, which shows the screen below, where it is closed."""

    DEFAULT_CSS = """
    Welcome { align: center middle; }
    Welcome Vertical { width: 80; max-width: 100%; height: auto; max-height: 100%; border: round $primary;
                       background: $surface; padding: 0 1; overflow-y: auto; }
    Welcome Static { margin-bottom: 1; }
    Welcome OptionList, Welcome OptionList:focus { height: auto; max-height: 100%; border: none; padding: 0;
                                                   background: $surface; }
    Welcome #hint { margin: 1 0 0 0; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "move('down')", show=False),
        Binding("k", "move('up')", show=False),
        *(Binding(f"{number}", f"dismiss('{way.name}')", show=False) for number, way in enumerate(WAYS, 1)),
        Binding("escape", "dismiss('look')", "Close"),
        Binding("q", "app.quit", "Quit"),
    ]

    def __init__(self, folder: str) -> None:
        super().__init__()
        self._folder = folder

    def compose(self) -> ComposeResult:
        """What sia is, the ways to start, the keys."""
        with Vertical() as box:
            box.border_title = f"sia {__version__}"
            box.border_subtitle = escape_markup(self._folder)
            yield Static("\n".join(WHAT), markup=False)
            yield Static(Text(HERE, style="bold"))
            yield OptionList(*(Option(_prompt(number), id=way.name) for number, way in enumerate(WAYS, 1)))
            yield Static(Text("j k Move · enter or 1 2 3 Choose · esc Look around · q Quit", "dim"), id="hint")

    def on_mount(self) -> None:
        """Gives the list the focus."""
        self.query_one(OptionList).focus()

    def action_move(self, direction: str) -> None:
        """Moves the cursor `up` or `down`."""
        options = self.query_one(OptionList)
        options.action_cursor_down() if direction == "down" else options.action_cursor_up()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Returns the way that was chosen."""
        event.stop()
        self.dismiss(event.option_id or "look")


def _prompt(number: int) -> Text:
    way = WAYS[number - 1]
    about = "".join(f"\n   {line}" for line in way.about) + "\n" * (number < len(WAYS))
    return Text.assemble((f"{number}  {way.title}", "bold"), (about, "dim"))
