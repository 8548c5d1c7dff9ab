"""The app: opens the logs, wires the main screen to its actions, and reports runs that have ended."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import App
from textual.events import Event, Key, Paste

from engine.errors import SiaError
from engine.run.workspace import Workspace
from sia_tui.app import keys, preferences
from sia_tui.app.actions.table import ACTIONS
from sia_tui.app.key_order import KeyOrder
from sia_tui.app.model.sources import Source, Sources, open_recording, open_sealed
from sia_tui.app.rows.text import sanitize
from sia_tui.app.screens.main import MainScreen
from sia_tui.app.themes import THEMES, fitting
from sia_tui.cli.processes.signals import ending
from sia_tui.cli.recording import recording
from sia_tui.cli.standing.title import TerminalTitle

if TYPE_CHECKING:
    from textual.command import Provider
    from textual.screen import Screen
    from textual.theme import Theme

RECORDING_DELAY_S = 2.0
"""Where there is something else to show, checking the recording waits, so that it does not slow the first keys."""
END_WITHIN_S = 5.0
"""How long the app takes at most to give the terminal back once a signal ends it."""


def _palette() -> type[Provider]:
    from sia_tui.app.palette import Everything

    return Everything


def _collect_garbage() -> None:
    """Turns garbage collection on, which the command line turned off for a faster start; all objects so far stay."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


class SiaApp(App[None]):
    """Shows the runs of a workspace, of sealed `files` and of the recording.

    `attach` names the run to show first; with `greets`, a user without runs is asked how to start.
    """

    TITLE = "sia"
    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {_palette}
    ENABLE_COMMAND_PALETTE = True
    CSS = "ToastRack { margin-bottom: 2; } Toast { max-width: 90%; padding: 0 1; }"
    """What is reported stands above the status line and the footer, and never hides them."""

    def __init__(
        self,
        workspace: Workspace,
        *,
        files: Sequence[Path] = (),
        attach: str | None = None,
        shipped: bool = True,
        greets: bool = False,
    ) -> None:
        super().__init__()
        for theme in THEMES:
            self.register_theme(theme)
        self.preferences, self._preferences_error = preferences.Preferences(), None
        try:
            self.preferences = preferences.read({key.id for key in keys.MAIN}, set(self.available_themes))
        except SiaError as error:  # the app starts with the defaults, and says so
            self._preferences_error = error
        few_colours = self.console.color_system == "standard" and not self.no_color
        self.theme = self.preferences.theme or fitting(os.environ.get("COLORFGBG", ""), few_colours=few_colours)
        self._kept_theme = self.theme
        self._sources = Sources(workspace)
        self._files = list(files)
        self._recording = recording() if shipped else None
        self._terminal_title: TerminalTitle | None = None
        self.key_order = KeyOrder(self, super().on_event, lambda: self.main.opens)
        self._greets = greets and not workspace.log.is_file()
        self.main = MainScreen(self._sources, keys.Keymap(self.preferences.keys), ACTIONS, attach)

    def refresh_css(self, animate: bool = True) -> None:
        """As Textual's; where there is no screen yet, the styles are parsed with it, and not before as well."""
        if self.screen_stack:
            super().refresh_css(animate)
        else:
            self.stylesheet.set_variables(self.get_css_variables())

    def get_default_screen(self) -> Screen[None]:
        """The main screen."""
        return self.main

    async def on_event(self, event: Event) -> None:
        """Handles keys in order, and other events at once."""
        if isinstance(event, Key | Paste) and not event.is_forwarded:
            self.key_order.add(event)
        else:
            await super().on_event(event)

    def on_load(self) -> None:
        """Opens the workspace, so that the first paint shows its runs; a signal to end leaves the app as `q` does."""
        if not self.is_web:  # whose driver does it
            for number in ending():
                asyncio.get_running_loop().add_signal_handler(number, self._end, number)
        self._workspace_error: SiaError | None = None
        try:
            self._sources.open_workspace()
        except SiaError as error:
            self._workspace_error = error
        self._sources.loading = bool(self._files) or self._recording is not None

    def on_mount(self) -> None:
        """Sets the user's keys, and opens the sealed files."""
        self.set_keymap(self.preferences.keys)
        if self._preferences_error is not None:
            self.main.fail(self._preferences_error)
        self.theme_changed_signal.subscribe(self, self._keep_theme)
        self.main.call_after_refresh(_collect_garbage)
        if self._workspace_error is not None:
            self.main.fail(self._workspace_error)
        if self._files:
            self._open_in_background(self._open_files)
        if self._recording is not None and (self._sources.have_runs or self._files):
            self.set_timer(RECORDING_DELAY_S, lambda: self._open_in_background(self._open_recording))
        elif self._recording is not None:
            self._open_in_background(self._open_recording)
        if self._greets:
            from sia_tui.app.actions.first_steps import greet

            self.run_worker(self.main.finish(greet(self.main)), group="action")

    def _keep_theme(self, theme: Theme) -> None:
        """Writes a theme that the user chose into their preferences; the one at the start was not chosen here."""
        if theme.name == self._kept_theme:
            return
        self._kept_theme = theme.name
        try:
            preferences.keep_theme(theme.name)
        except SiaError as error:
            self.main.fail(error)

    def _open_in_background(self, open_logs: Callable[[], None]) -> None:
        self.run_worker(open_logs, thread=True, group="open", exit_on_error=False)

    def _open_files(self) -> None:
        for path in self._files:
            self._open(open_sealed, path)
        self.call_from_thread(self._loaded)

    def _open_recording(self) -> None:
        if self._recording is not None:
            self._open(open_recording, self._recording)
        self.call_from_thread(self._loaded)

    def _open(self, open_log: Callable[[Path], Source], path: Path) -> None:
        """Opens a log on this thread, and adds it on the app's."""
        try:
            source = open_log(path)
        except (SiaError, OSError) as error:
            self.call_from_thread(self.main.fail, error if isinstance(error, SiaError) else SiaError(str(error)))
        else:
            self.call_from_thread(self._add, source)

    def _add(self, source: Source) -> None:
        self._sources.add(source)
        self.main.source_added()

    def _loaded(self) -> None:
        self._sources.loading = False
        self.main.source_added()

    def _end(self, number: int) -> None:
        """Ends the app, also where the terminal has gone: Textual then waits without end to write its last output."""
        last = threading.Timer(END_WITHIN_S, os._exit, (128 + number,))
        last.daemon = True
        last.start()
        self.exit(None, 128 + number)

    def notify(self, message: str, **how: Any) -> None:
        """As Textual's; what is on the screen already is not said again, however long a key is held down."""
        if not any(one.message == message for one in self._notifications):
            super().notify(message, **how)

    def on_main_screen_run_ended(self, message: MainScreen.RunEnded) -> None:
        """Reports a run that has ended, as the user prefers it."""
        self._report(f"{sanitize(message.name)} is {message.status}", finished=message.status == "finished")

    def on_main_screen_run_waits(self, message: MainScreen.RunWaits) -> None:
        """Reports a run that has begun to wait for a person."""
        self._report(f"{sanitize(message.name)} waits for you: a", finished=False)

    def on_main_screen_stands(self, message: MainScreen.Stands) -> None:
        """Shows in the terminal's title where the runs stand."""
        if self._driver is not None and not self.is_headless and not self.is_web:
            self._terminal_title = self._terminal_title or TerminalTitle(self._driver.write)
            self._terminal_title.set(message.text)

    def on_unmount(self) -> None:
        """Gives the terminal its title back."""
        if self._terminal_title is not None:
            self._terminal_title.restore()

    def _report(self, text: str, *, finished: bool) -> None:
        self.notify(text, severity="information" if finished else "warning", markup=False, timeout=8)
        if self.preferences.notify == "bell":
            self.bell()
        elif self.preferences.notify == "desktop" and self._driver is not None:
            self._driver.write(f"\x1b]9;sia: {text}\x1b\\")
