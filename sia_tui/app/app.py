"""The app: which logs are open, how it looks, which keys it takes, and how the end of a run is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.app import App

from engine.errors import SiaError
from engine.run.workspace import Workspace
from sia_tui.app import keys, preferences
from sia_tui.app.keys import Key
from sia_tui.app.model.sources import Source, open_sealed, open_workspace
from sia_tui.app.screens.main import MainScreen
from sia_tui.app.themes import THEMES
from sia_tui.app.widgets.lines import harmless
from sia_tui.cli.recording import NAME, recording

if TYPE_CHECKING:
    from textual.command import Provider
    from textual.screen import Screen


def _everything() -> type[Provider]:
    from sia_tui.app.palette import Everything

    return Everything


SHIPPED_AFTER_S = 2.0


class SiaApp(App[None]):
    """Looks at a workspace and at sealed files; acts on the workspace only."""

    TITLE = "sia"
    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = App.COMMANDS | {_everything}
    ENABLE_COMMAND_PALETTE = True

    def __init__(
        self,
        workspace: Workspace,
        *,
        files: Sequence[Path] = (),
        attach: str | None = None,
        shipped: bool = True,
        greets: bool = False,
    ) -> None:
        known = {key.id for key in keys.MAIN}
        super().__init__()
        for theme in THEMES:
            self.register_theme(theme)
        self.preferences = preferences.read(known, set(self.available_themes))
        self.theme = self.preferences.theme
        self.workspace = workspace
        self.sources: dict[str, Source] = {}
        self.opened = False
        self.note = ""
        self._files = list(files)
        self._shipped = recording() if shipped else None
        self._greets = greets
        self.main = MainScreen(attach)

    def get_default_screen(self) -> Screen[None]:
        """The main screen, with none below it."""
        return self.main

    def on_mount(self) -> None:
        """Keys as the person likes them."""
        self.set_keymap(self.preferences.keys)

    def open_sources(self) -> None:
        """Opens the workspace at once, and sealed files beside the screen: checking one takes a moment.

        The recording waits where there is something else to look at: checking it would slow the first keys down.
        """
        self.open_workspace()
        self._open_beside(self._files)
        if self._shipped is not None:
            shipped = [self._shipped]
            if self.sources or self._files:
                self.set_timer(SHIPPED_AFTER_S, lambda: self._open_beside(shipped))
            else:
                self._open_beside(shipped)
        self.opened = not self._files and (self._shipped is None or bool(self.sources))

    def greet(self) -> None:
        """Shows the ways on to a person who named nothing to look at, in a folder without a log."""
        if self._greets and not self.workspace.log.is_file():
            from sia_tui.app.actions import first_steps

            self.run_worker(first_steps.welcome(self.main), group="act")

    def _open_beside(self, paths: Sequence[Path]) -> None:
        if paths:
            self.run_worker(lambda: self._open_sealed(paths), thread=True, group="open", exit_on_error=False)

    def open_workspace(self) -> None:
        """Opens the workspace's log as soon as there is one."""
        if "workspace" in self.sources:
            return
        try:
            source = open_workspace(self.workspace)
        except SiaError as error:
            if not self.opened:
                self.main.fail(error)
            return
        if source is not None:
            self.sources = {"workspace": source, **self.sources}
            if self.opened:
                self.main.source_added()

    def _open_sealed(self, paths: Sequence[Path]) -> None:
        for path in paths:
            try:
                source = open_sealed(path)
            except (SiaError, OSError) as error:
                self.call_from_thread(self.main.fail, error if isinstance(error, SiaError) else SiaError(str(error)))
                continue
            shipped = path == self._shipped
            self.call_from_thread(self._add, NAME if shipped else path.name, source, shipped)
        self.call_from_thread(self._all_open)

    def _add(self, label: str, source: Source, shipped: bool) -> None:
        source.label, source.note = label, "the shipped recording, read-only" if shipped else "sealed, read-only"
        self.sources[label] = source
        self.main.source_added()

    def _all_open(self) -> None:
        self.opened = True
        self.main.source_added()

    def ended(self, name: str, status: str) -> None:
        """Tells that a run no longer runs."""
        text = f"{harmless(name)} is {status}"
        self.notify(text, severity="information" if status == "finished" else "warning", markup=False, timeout=8)
        if self.preferences.notify == "bell":
            self.bell()
        elif self.preferences.notify == "desktop" and self._driver is not None:
            self._driver.write(f"\x1b]9;sia: {text}\x1b\\")

    def key_of(self, key: Key) -> str:
        """The keys of an action as a person would type them, with those of tui.toml."""
        chosen = self.preferences.keys.get(key.id, key.keys)
        return " ".join(_NAMES.get(one, one) for one in chosen.split(","))


_NAMES = {
    "less_than_sign": "<", "greater_than_sign": ">", "slash": "/", "colon": ":", "minus": "-", "plus": "+",
    "equals_sign": "=", "left_square_bracket": "[", "right_square_bracket": "]", "left_curly_bracket": "{",
    "right_curly_bracket": "}", "dollar_sign": "$", "question_mark": "?", "escape": "esc",
}  # fmt: skip
