"""The main screen: lineage, timeline and inspector beside each other, or one at a time where there is little room."""

from __future__ import annotations

import gc
import time
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.events import Resize
from textual.screen import Screen
from textual.timer import Timer

from engine.errors import SiaError
from engine.events import types as t
from sia_tui.app import keys
from sia_tui.app.actions import places as moving
from sia_tui.app.actions import playback as timing
from sia_tui.app.actions import view as looking
from sia_tui.app.model.event_search import Search
from sia_tui.app.model.live_runs import Roll
from sia_tui.app.model.sources import Source
from sia_tui.app.navigator import availability as whither
from sia_tui.app.navigator.run_cursor import Watching
from sia_tui.app.navigator.trail import Place, Trail
from sia_tui.app.rows import lineage as graphs
from sia_tui.app.rows.row import Target
from sia_tui.app.screens import drawing
from sia_tui.app.widgets.bars import Crumbs, KeyBar, ReplayBar, StatusLine
from sia_tui.app.widgets.lines import Lines, harmless
from sia_tui.app.widgets.panes import InspectorPane, LineagePane, TimelinePane

if TYPE_CHECKING:
    from sia_tui.app.app import SiaApp

WIDE = 110
TICK_S = 0.1
STATUS_S = 1.0
SLOW_S = 0.5
REST_S = 0.06


def _collect_garbage() -> None:
    """What there is by now stays for as long as the app does; only what comes later is looked through."""
    if not gc.isenabled():  # whoever started the app for a person has put it off until here
        gc.freeze()
        gc.enable()


class MainScreen(Screen[None]):
    """Everything that is looked at, of one run at a time."""

    DEFAULT_CSS = """
    MainScreen #panes { height: 1fr; }
    MainScreen LineagePane { width: 38; border: round $panel; }
    MainScreen TimelinePane { width: 1fr; border: round $panel; }
    MainScreen InspectorPane { width: 1fr; border: round $panel; }
    MainScreen #panes > Lines { border-title-color: $foreground; }
    MainScreen Lines:focus { border: round $primary; }
    MainScreen.narrow #panes > Lines { display: none; width: 1fr; border: none; }
    MainScreen.narrow #panes > Lines.current { display: block; }
    MainScreen Crumbs, MainScreen StatusLine, MainScreen ReplayBar, MainScreen KeyBar {
        text-wrap: nowrap; text-overflow: ellipsis;
    }
    MainScreen Crumbs { height: 1; padding: 0 1; background: $panel; }
    MainScreen StatusLine, MainScreen KeyBar { height: 1; background: $panel; }
    MainScreen ReplayBar { height: 1; background: $surface; color: $text-accent; display: none; }
    MainScreen.replay ReplayBar { display: block; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings(keys.MAIN), *keys.bindings(keys.DIGITS)]

    def __init__(self, attach: str | None = None) -> None:
        super().__init__()
        self.watching: Watching | None = None
        self.generation: int | None = None
        self.marks: list[Target] = []
        self.trail = Trail()
        self.roll = Roll()
        self.zoomed = False
        self._wanted = attach
        self._watched: dict[tuple[str, str], Watching] = {}
        self.pane = 0
        self._columns = WIDE
        self._filling: Timer | None = None
        self._found = False
        self._slow_at = 0.0

    # -- what is there ------------------------------------------------------------------------------------------------

    @property
    def sia(self) -> SiaApp:
        """The app, by its own type."""
        return cast("SiaApp", self.app)

    @property
    def lineage(self) -> LineagePane:
        """The pane on the left."""
        return self.query_one(LineagePane)

    @property
    def timeline(self) -> TimelinePane:
        """The pane in the centre."""
        return self.query_one(TimelinePane)

    @property
    def inspector(self) -> InspectorPane:
        """The pane on the right."""
        return self.query_one(InspectorPane)

    @property
    def panes(self) -> tuple[Lines, ...]:
        """From left to right."""
        return (self.lineage, self.timeline, self.inspector)

    @property
    def focused_pane(self) -> Lines:
        """The pane that keys go to."""
        return self.panes[self.pane]

    @property
    def status(self) -> str:
        """The status of the watched run: what the log says, and at its head whether an engine is there."""
        if self.watching is None:
            return ""
        said = self.watching.moment.state.status
        at_head = self.watching.until is None
        return self.roll.statuses.get(self.watching.run, said) if at_head and said == "running" else said

    def compose(self) -> ComposeResult:
        """The way, the panes, the bars, the keys."""
        yield Crumbs(markup=False)
        with Horizontal(id="panes"):
            yield LineagePane()
            yield TimelinePane()
            yield InspectorPane()
        yield ReplayBar(markup=False)
        yield StatusLine(markup=False)
        yield KeyBar(markup=False)

    def on_mount(self) -> None:
        """Opens the logs at once: the first screen that is painted is the one that is looked at."""
        for pane, title in zip(self.panes, ("lineage", "timeline", "inspector"), strict=True):
            pane.border_title = title
        self.call_next(self._begin)
        self.call_after_refresh(_collect_garbage)

    def _begin(self) -> None:
        self.sia.open_sources()
        self.set_interval(TICK_S, self._tick)
        self.refresh_lineage()
        self.set_focus(self.lineage)
        self._first_run()
        self.sia.greet()

    def on_resize(self, event: Resize) -> None:
        """One pane at a time where there is little room."""
        self._columns = event.size.width
        self._lay_out()

    def _lay_out(self) -> None:
        narrow = self._columns < WIDE or self.zoomed
        self.set_class(narrow, "narrow")
        if narrow:  # elsewhere all panes are there, and a class that changes costs a look at every rule
            for at, pane in enumerate(self.panes):
                pane.set_class(at == self.pane, "current")

    # -- choosing what is watched -------------------------------------------------------------------------------------

    def _first_run(self) -> None:
        """A run that was asked for, else one that is live, else the newest, else the recording."""
        if self.watching is None:
            for source in self.sia.sources.values():
                runs = source.reader.runs()
                if not runs:
                    continue
                live = [run for run in runs if self.roll.statuses.get(run.run) == "running"]
                wanted = [run for run in runs if self._wanted in (run.run, run.name)]
                if self._wanted and not wanted:
                    continue
                self.watch_run(source, (wanted or live or runs)[-1].run)
                self.lineage.put_on(Target("run", self.watching.run if self.watching else "", source.label))
                return

    def source_added(self) -> None:
        """A log has been opened: its runs are shown, and one is watched if there was nothing to watch."""
        self.refresh_lineage()
        self._first_run()

    def attach(self, run: str) -> None:
        """Watches a run of the workspace, which may just have been made."""
        self.sia.open_workspace()
        source = self.sia.sources.get("workspace")
        if source is not None:
            self.roll.call(self.sia.sources.values(), force=True)
            self.leave()
            self.watch_run(source, run)
            self.go_to(None)
            self.lineage.put_on(Target("run", run, source.label))
            self.look_at(1 if not self.has_class("narrow") else self.pane)

    def watch_run(self, source: Source, run: str, generation: int | None = None) -> None:
        """Watches `run`, from `generation` where one is named; its place in time is as it was left."""
        key = (source.label, run)
        if key not in self._watched:
            self._watched[key] = Watching(source, run)
        other = self.watching is not self._watched[key]
        self.watching = self._watched[key]
        self.generation = generation
        self.timeline.generation = generation
        if other:
            self.timeline.folded.clear()
            if self.timeline.filter:
                self.timeline.restrict(self.watching, None)
        self.timeline.follow = self.watching.until is None
        self.inspector.put(Target("generation", generation) if generation else Target("run"))
        self.refresh_run()

    def select(self, target: Target) -> None:
        """Watches the run, or the generation, of a row of the lineage."""
        source = self.sia.sources.get(str(target.second))
        if source is None:
            return
        if target.kind == "run":
            self.watch_run(source, str(target.first))
        elif target.kind == "knot":
            self.watch_run(source, *graphs.knot_of(target))

    # -- drawing ------------------------------------------------------------------------------------------------------

    def refresh_run(self, *, force: bool = False) -> None:
        """Draws what depends on the watched run and its event."""
        if self.watching is None:
            return
        self.timeline.fill(self.watching)
        self.inspector.fill(self.watching, force=force)
        self.refresh_bars()

    def refresh_bars(self) -> None:
        """Draws the lines above and below the panes."""
        drawing.bars(self)

    def refresh_lineage(self) -> None:
        """Draws the graph: the watched run as it is at its event, the others as they are."""
        self.roll.call(self.sia.sources.values())
        self.lineage.fill(drawing.graph(self))
        self.refresh_bars()

    def _tick(self) -> None:
        """Ten times a second: what was appended, what a replay has reached. Everything that came in between is one."""
        if not self.is_current and self.app.screen_stack[0] is not self:
            return
        watching = self.watching
        grown = False
        for source in self.sia.sources.values():
            if source.changed() and watching is not None and watching.source is source:
                grown = watching.catch_up()
        now = time.monotonic()
        found, self._found = self._found, False
        if found and watching is not None and self.timeline.search is not None:
            self.timeline.fill(watching)
            self.refresh_bars()
        moved = watching is not None and watching.tick(TICK_S)
        if watching is not None and (moved or grown):
            self.timeline.fill(watching, grown=not moved)
        if now - self._slow_at >= (SLOW_S if moved or grown else STATUS_S):
            self._slow(now)
        if watching is not None and (watching.until is not None or self.has_class("replay")):
            self.refresh_bars()

    def _slow(self, now: float) -> None:
        """What need not be drawn at every tick; and whether a run has come to its end."""
        self._slow_at = now
        self.sia.open_workspace()
        self.refresh_lineage()
        if self.watching is not None:
            self.inspector.fill(self.watching)
        for name, status in self.roll.ended():
            self.sia.ended(name, status)
            self.refresh_bindings()

    # -- moving about -------------------------------------------------------------------------------------------------

    @property
    def place(self) -> Place:
        """Where one is."""
        watching = self.watching
        return Place(
            watching.source.label if watching else "",
            watching.run if watching else "",
            self.generation,
            watching.until if watching else None,
            self.pane,
            tuple(target for target, _ in self.inspector.stack),
        )

    def leave(self) -> None:
        """Remembers where one is, before going somewhere else."""
        if self.watching is not None:
            self.trail.leave(self.place)

    def look_at(self, pane: int) -> None:
        """Gives a pane the focus; where there is little room, shows it alone."""
        self.pane = max(0, min(pane, len(self.panes) - 1))
        self._lay_out()
        self.set_focus(self.panes[self.pane])  # at once: keys that were typed ahead go there
        self.refresh_bars()

    def open(self, target: Target) -> None:
        """A page on top of the inspector's, and the focus on it."""
        if self.watching is None:
            return
        self.leave()
        if target.kind == "generation" and 1 <= int(target.first) <= len(self.watching.moment.state.generations):
            self.generation = self.timeline.generation = int(target.first)
            self.timeline.fill(self.watching)
        self.inspector.push(target)
        self.inspector.fill(self.watching)
        self.look_at(2)

    def on_descendant_focus(self) -> None:
        """The pane that has the focus is the one that one is in."""
        for at, pane in enumerate(self.panes):
            if pane.has_focus and at != self.pane:
                self.look_at(at)

    def on_lines_moved(self, message: Lines.Moved) -> None:
        """What the cursor is on is what the panes to the right show."""
        target = message.row.target
        if target is None or not message.lines.has_focus:
            return
        if message.lines is self.lineage:
            self.select(target)
            self.refresh_bindings()
        elif message.lines is self.timeline and target.kind == "event":
            self.inspector.put(target)
            self._fill_soon()

    def _fill_soon(self) -> None:
        """Fills the inspector when the cursor has come to rest: a page for every row passed by would be in its way."""
        if self._filling is not None:
            self._filling.stop()
        self._filling = self.set_timer(REST_S, self._fill_now)

    def _fill_now(self) -> None:
        self._filling = None
        if self.watching is not None:
            self.inspector.fill(self.watching)
            self.refresh_bars()

    def on_lines_chosen(self, message: Lines.Chosen) -> None:
        """Enter, or a second click."""
        target, lines = message.row.target, message.lines
        if target is None or self.watching is None:
            return
        if lines is self.lineage:
            self.leave()
            self.select(target)
            self.look_at(1)
        elif target.kind == "phase":
            self.timeline.fold(self.watching, int(target.first))
        elif lines is self.timeline:
            self.leave()
            self.inspector.put(target)
            self.inspector.fill(self.watching)
            self.look_at(2)
        elif lines is self.inspector:
            self.open(target)

    def on_search_found(self, _message: Search.Found) -> None:
        """More events have passed the filter; the next tick draws them."""
        self._found = True

    def action_drill(self) -> None:
        """Opens what the cursor of the focused pane is on."""
        self.focused_pane.action_choose()

    def action_leave(self) -> None:
        """One level up."""
        if self.pane == 2 and self.inspector.pop():
            if self.watching:
                self.inspector.fill(self.watching)
                self.refresh_bars()
        elif self.pane == 1 and self.timeline.filter and self.watching:
            self.timeline.restrict(self.watching, None)
            self.refresh_bars()
        else:
            self.look_at(self.pane - 1)

    def action_pane(self, by: int) -> None:
        """To the pane beside."""
        self.look_at(self.pane + by)

    def go_to(self, n: int | None) -> None:
        """To event `n`, or to the head; the last event that is seen is the one that is looked at."""
        if self.watching is not None:
            self.watching.go_to(n)
            self.timeline.follow = True
            self.refresh_run()
            self.refresh_lineage()
            self.refresh_bindings()

    @property
    def generation_here(self) -> int | None:
        """The generation that is selected, or in which the event under the cursor lies, or the last one."""
        if self.watching is None or self.generation is not None:
            return self.generation
        event = self.timeline.event if self.pane == 1 else None
        if event is not None and (n := self.watching.moment.generation_at(event)):
            return n
        state = self.watching.moment.state
        return state.current.n if state.current else None

    @property
    def instance_here(self) -> str | None:
        """The instance under the cursor, or the one that the inspector is about."""
        row = self.focused_pane.current
        for one in (row.target if row else None, self.inspector.target):
            if one is not None and one.kind in ("instance", "bisect"):
                return str(one.first)
            if one is not None and one.kind == "event" and self.watching is not None:
                event = self.watching.pages.get(self.watching.moment, int(one.first))
                payload = event.payload if event else None
                if isinstance(payload, t.InstanceFinished):
                    return payload.instance
        return None

    def action_zoom(self) -> None:
        """One pane alone, or all."""
        self.zoomed = not self.zoomed
        self._lay_out()

    # -- what keys do -------------------------------------------------------------------------------------------------

    def action_look(self, name: str, *given: Any) -> None:
        """Shows something: a function of `looking`."""
        getattr(looking, name)(self, *given)

    def action_place(self, name: str, *given: Any) -> None:
        """Moves to another place: a function of `moving`."""
        getattr(moving, name)(self, *given)

    def action_time(self, name: str, *given: Any) -> None:
        """Moves in time: a function of `timing`."""
        getattr(timing, name)(self, *given)

    def action_act(self, name: str) -> None:
        """Does something to a run: a function of `acts`, beside the screen."""
        from sia_tui.app.actions import runs as acts

        self.run_worker(getattr(acts, name)(self), group="act")

    def action_help(self) -> None:
        """The keys."""
        from sia_tui.app.screens.help import Help

        self.app.push_screen(Help(keys.MAIN, self.sia.key_of, self.why_not))

    def action_quit(self) -> None:
        """Leaves; runs go on."""
        self.app.exit()

    def why_not(self, action: str) -> str:
        """Why an action cannot be done now; empty where it can."""
        return whither.why_not(self, keys.name(action))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A key that does nothing now is dimmed."""
        named = str(parameters[0]) if action in keys.SPREAD and parameters else action
        return None if whither.why_not(self, named) else True

    def on_key(self, event: Any) -> None:
        """A key that does nothing now says why."""
        found = self.active_bindings.get(event.key)
        if found is not None and not found.enabled and (reason := self.why_not(found.binding.action)):
            self.notify(f"{found.binding.description}: {reason}", severity="warning", timeout=4)

    def fail(self, error: SiaError) -> None:
        """Tells a person what went wrong, in one sentence."""
        self.notify(harmless(f"{error}"), severity="error", timeout=10, markup=False)
