"""The main screen: lineage, timeline and inspector beside each other, or one at a time on a narrow terminal.

It holds the widgets and handles their messages. Where the user is stands in the navigator; what keys do, in `actions`.
"""

from __future__ import annotations

import contextlib
import inspect
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.events import Resize
from textual.message import Message
from textual.screen import Screen
from textual.timer import Timer

from engine.errors import SiaError
from sia_tui.app import keys
from sia_tui.app.model.sources import Source, Sources
from sia_tui.app.navigator.availability import unavailable
from sia_tui.app.navigator.navigator import Navigator
from sia_tui.app.navigator.place import Pane
from sia_tui.app.rows.row import Target
from sia_tui.app.rows.text import sanitize
from sia_tui.app.screens.pulse import TICK_S, Pulse
from sia_tui.app.widgets.bars import Breadcrumbs, KeyBar, ReplayBar
from sia_tui.app.widgets.lines import Lines
from sia_tui.app.widgets.live_text_bar import LiveTextBar
from sia_tui.app.widgets.panes import Panes
from sia_tui.app.widgets.status_line import StatusLine

IDLE_REFRESH_S = 1.0
BUSY_REFRESH_S = 0.5
CURSOR_REST_S = 0.06
"""A page is built once the cursor has rested this long: pages of rows passed by would delay the cursor."""

Action = Callable[["MainScreen"], object]
"""What a key does; a coroutine runs as a worker."""


class MainScreen(Screen[None]):
    """The runs of `sources`. `run` is the id or the name of the run to show first."""

    class RunEnded(Message):
        """A live run has stopped."""

        def __init__(self, name: str, status: str) -> None:
            super().__init__()
            self.name = name
            self.status = status

    class RunWaits(Message):
        """A run has begun to wait for a person."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    class Stands(Message):
        """Where the runs stand, as a title of the terminal says it; sent when that has changed."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings(keys.MAIN), *keys.bindings(keys.DIGITS)]

    def __init__(
        self, sources: Sources, keymap: keys.Keymap, actions: Mapping[str, Action], run: str | None = None
    ) -> None:
        super().__init__()
        self.navigator = Navigator(sources, lambda: self.panes.cursors)
        self.keymap = keymap
        self.note = ""
        self.opens = False  # whether an action prepares a screen, for which the keys behind its own are meant
        self.left_starting = False  # whether the app was left while an engine was being started
        self.sought_in_runs = ""
        self.panes = Panes(self.navigator)
        self.lineage, self.timeline, self.inspector = self.panes.lineage, self.panes.timeline, self.panes.inspector
        self.breadcrumbs = Breadcrumbs(self.navigator)
        self.live_text_bar = LiveTextBar(self.navigator)
        self.replay_bar = ReplayBar(self.navigator)
        self.status_line = StatusLine(self.navigator)
        self.key_bar = KeyBar(self.navigator, keymap)
        self._actions = actions
        self._run = run
        self.page_timer: Timer | None = None
        self._typed_early: list[str] = []
        self.matches_found = False
        self._refreshed_at = 0.0
        self.pulse: Pulse | None = None

    def compose(self) -> ComposeResult:
        """The path, the panes, and the bars at the foot."""
        yield self.breadcrumbs
        yield self.panes
        yield self.live_text_bar
        yield self.replay_bar
        yield self.status_line
        yield self.key_bar

    def on_mount(self) -> None:
        """Selects a run before the first paint, and starts to follow the logs."""
        for pane, title in zip(self.panes.all, ("lineage", "timeline", "inspector"), strict=True):
            pane.border_title = title
        self.panes.resize(self.app.size.width)  # now, or all would be painted again once the size is told
        self.call_next(self._begin)

    def _begin(self) -> None:
        self.pulse = Pulse(self, self._tick)
        self.set_focus(self.lineage)
        self.source_added()

    def on_resize(self, event: Resize) -> None:
        """Shows one pane at a time on a narrow terminal."""
        self.panes.resize(event.size.width)

    def on_screen_suspend(self) -> None:
        """Hides the keys, which what lies over the screen does not take."""
        self.key_bar.visible = False

    def on_screen_resume(self) -> None:
        """Shows the keys again."""
        self.key_bar.visible = True

    # -- drawing ------------------------------------------------------------------------------------------------------

    def refresh_run(self, *, force: bool = False) -> None:
        """Draws what depends on the selected run and its event."""
        self.timeline.fill()
        self.inspector.fill(force=force)
        self.refresh_bars()

    def refresh_lineage(self) -> None:
        """Draws the runs of all logs."""
        self.navigator.live_runs.poll(self.navigator.sources)
        self.lineage.fill()
        self.refresh_bars()

    def refresh_time(self) -> None:
        """Draws the run at the event that its cursor was moved to."""
        self.timeline.follow = True
        self.refresh_run()
        self.refresh_lineage()
        self.refresh_bindings()

    def refresh_bars(self) -> None:
        """Draws the bars and the titles of the panes."""
        self.key_bar.fill()
        self.status_line.fill(following=self.timeline.follow)
        searched = self.inspector.search_note if self.navigator.pane == Pane.INSPECTOR else ""
        self.breadcrumbs.fill(self.note or searched or self.timeline.filter_note)
        if self.navigator.cursor is not None:
            self.replay_bar.fill()
            self.inspector.set_title(f"{self.inspector.title or 'inspector'}  {self.inspector.search_note}".rstrip())
            self.timeline.set_title(f"timeline  {self.timeline.filter_note}".rstrip())

    def _tick(self) -> None:
        """Draws what has changed since the last tick."""
        if not self.is_current and self.app.screen_stack[0] is not self:
            return
        selected = self.navigator.cursor
        progress = self.navigator.tick(TICK_S)
        if self.pulse is not None and (any(progress) or (selected is not None and selected.playing)):
            self.pulse.happened()
        if selected is not None and self.navigator.cursor is None:
            self._leave_deleted_run()
        if self.matches_found:
            self.matches_found = False
            self.timeline.fill()
            self.refresh_bars()
        if any(progress):
            self.timeline.fill(grown=not progress.replayed)
        if time.monotonic() - self._refreshed_at >= (BUSY_REFRESH_S if any(progress) else IDLE_REFRESH_S):
            self._refresh_slowly()
        if self.replay_bar.display or (self.navigator.cursor is not None and not self.navigator.cursor.at_head):
            self.refresh_bars()

    def _leave_deleted_run(self) -> None:
        """Selects another run, if there is one."""
        self.timeline.reset()
        for pane in (self.timeline, self.inspector):
            pane.show(())
        self.source_added()
        self.refresh_bindings()

    def _refresh_slowly(self) -> None:
        """Draws what need not be drawn at every tick, and reports the runs that have ended."""
        self._refreshed_at = time.monotonic()
        self.open_workspace()
        self.refresh_lineage()
        self.inspector.fill()
        for name, status in self.navigator.live_runs.take_ended():
            self.post_message(self.RunEnded(name, status))
            self.refresh_bindings()
        for asked in self.navigator.live_runs.take_asked():
            self.post_message(self.RunWaits(asked.name))
            self.refresh_bindings()
        self.post_message(self.Stands(self.navigator.title))

    # -- what is shown ------------------------------------------------------------------------------------------------

    def open_workspace(self) -> None:
        """Opens the workspace's log once there is one."""
        with contextlib.suppress(SiaError):  # the app reports a log that cannot be read when it starts
            if self.navigator.sources.open_workspace():
                self.source_added()

    def source_added(self) -> None:
        """Draws the runs of a log that was opened, and selects one if none is selected."""
        self.refresh_lineage()
        if self.navigator.cursor is None and (found := self.navigator.default_run(self._run)) is not None:
            self.show_run(*found)
            self.lineage.select_row(self.navigator.selection)
        if self.navigator.cursor is not None or not self.navigator.sources.loading:
            for action in self._typed_early:
                self.call_later(self._perform_if_available, action)
            self._typed_early.clear()

    def show_run(self, source: Source, run_id: str, generation: int | None = None) -> None:
        """Selects a run, or a generation of it, at the event where it was left."""
        self.draw_selection(changed=self.navigator.select_run(source, run_id, generation))

    def show_row(self, row: Target) -> None:
        """Selects the run, or the generation, of a row of the lineage."""
        if (found := self.navigator.find(row)) is not None:
            self.show_run(*found)

    def draw_selection(self, *, changed: bool) -> None:
        """Draws what the navigator has selected; `changed` where it is another run than before."""
        if changed:
            self.timeline.reset()
        self.timeline.follow = self.navigator.cursor is not None and self.navigator.cursor.at_head
        self.refresh_run()

    def show_page(self, target: Target, sought: str = "") -> None:
        """Opens a page on top of the inspector's, at what is sought on it, and gives it the focus."""
        cursor = self.navigator.cursor
        if cursor is None:
            return
        self.navigator.record_place()
        if target.kind == "generation" and 1 <= int(target.first) <= len(cursor.snapshot.state.generations):
            self.navigator.generation = int(target.first)
            self.timeline.fill()
        self.navigator.pages.push(target, sought)
        self.inspector.fill()
        self.show_pane(Pane.INSPECTOR)

    def show_pane(self, pane: int) -> None:
        """Gives a pane the focus."""
        self.panes.show_pane(pane)
        self.refresh_bars()

    def go_to(self, n: int | None) -> None:
        """Shows the selected run at event `n`, or at its head."""
        if self.navigator.cursor is not None:
            self.navigator.cursor.go_to(n)
            self.refresh_time()

    @contextlib.contextmanager
    def opening(self) -> Iterator[None]:
        """Keys wait, however long it takes: they are meant for the screen that an action prepares."""
        self.opens = True
        try:
            yield
        finally:
            self.opens = False

    def fail(self, error: SiaError) -> None:
        """Shows an error."""
        self.notify(sanitize(str(error)), severity="error", timeout=10, markup=False)

    # -- messages of the panes ----------------------------------------------------------------------------------------

    def on_descendant_focus(self) -> None:
        """Shows the pane that got the focus."""
        for pane in Pane:
            if self.panes.all[pane].has_focus and pane != self.navigator.pane:
                self.show_pane(pane)

    def on_lines_moved(self, message: Lines.Moved) -> None:
        """Shows in the panes to the right what the cursor is on."""
        target = message.row.target
        if target is None or not message.lines.has_focus:
            return
        if message.lines is self.lineage:
            self.show_row(target)
            self.refresh_bindings()
        elif message.lines is self.timeline and target.kind in ("event", "results"):
            self.navigator.pages.replace(self._beside(target))
            if self.page_timer is not None:
                self.page_timer.stop()
            self.page_timer = self.set_timer(CURSOR_REST_S, self._fill_page)

    def _beside(self, target: Target) -> Target:
        """The page beside a row of the timeline; while that follows a running run, the run at a glance."""
        cursor, generation = self.navigator.cursor, self.navigator.generation
        if self.timeline.follow and self.navigator.status == "running":
            return Target("generation", generation) if generation else Target("run")
        if target.kind == "event" or cursor is None:
            return target
        if target.second == cursor.n and not cursor.at_head:  # stepped to
            return Target("event", target.second)
        return Target("generation", cursor.snapshot.generation_of(int(target.first)))

    def _fill_page(self) -> None:
        self.page_timer = None
        self.inspector.fill()
        self.refresh_bars()

    def on_lines_chosen(self, message: Lines.Chosen) -> None:
        """Opens the row on which enter was pressed, or that was clicked twice."""
        target = message.row.target
        if target is None or self.navigator.cursor is None:
            return
        if message.lines is self.lineage:
            self.navigator.record_place()
            self.show_row(target)
            self.show_pane(Pane.TIMELINE)
        elif target.kind == "phase":
            self.timeline.toggle_fold(int(target.first))
        elif target.kind == "results":
            self.timeline.toggle_results(int(target.first))
        elif message.lines is self.timeline:
            self.navigator.record_place()
            self.navigator.pages.replace(target)
            self.inspector.fill()
            self.show_pane(Pane.INSPECTOR)
        else:
            self.show_page(target)

    def on_inspector_pane_searched(self) -> None:
        """Says which of the matches the cursor is on."""
        self.refresh_bars()

    def on_inspector_pane_redrawn(self) -> None:
        """Says which keys the rows of the page have, now that they are there."""
        self.refresh_bars()

    def on_timeline_pane_matches_found(self) -> None:
        """Leaves the matches to the next tick, which comes soon."""
        self.matches_found = True
        if self.pulse is not None:
            self.pulse.happened()

    # -- keys ---------------------------------------------------------------------------------------------------------

    def action_perform(self, action: str) -> None:
        """Performs an action by its id in `keys`; shows its error, if it raises one."""
        try:
            result = self._actions[action](self)
        except SiaError as error:
            self.fail(error)
            return
        if inspect.isawaitable(result):
            self.run_worker(self.finish(result), group="action")

    async def finish(self, action: Awaitable[object]) -> None:
        """Waits for an action of several steps; shows its error, if it raises one."""
        try:
            await action
        except SiaError as error:
            self.fail(error)

    def unavailable(self, action: str) -> str:
        """Why an action, by its id in `keys`, is not available; empty where it is."""
        return unavailable(action, self.navigator)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Disables the keys of actions that are not available."""
        return None if action == "perform" and self.unavailable(str(parameters[0])) else True

    def on_key(self, event: Any) -> None:
        """Says why a disabled key is disabled; one that came before the logs were open waits for them."""
        active = self.active_bindings.get(event.key)
        if active is None or active.enabled:
            return
        if self.navigator.cursor is None and self.navigator.sources.loading:
            self._typed_early.append(active.binding.id or "")
        else:
            self._say_why_not(active.binding.id or "")

    def _perform_if_available(self, action: str) -> None:
        if not self._say_why_not(action):
            self.action_perform(action)

    def _say_why_not(self, action: str) -> bool:
        reason = self.unavailable(action)
        if reason:
            label = next(key.label for key in (*keys.MAIN, *keys.DIGITS) if key.id == action)
            self.notify(f"{label}: {reason}", severity="warning", timeout=4)
        return bool(reason)
