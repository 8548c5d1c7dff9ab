"""The navigator: which run, generation and event are shown, which pages are open, what is marked, and the way back."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from engine.events import types as t
from engine.grading.live_work import Work
from sia_tui.app.model.live_runs import LiveRuns, Waiting
from sia_tui.app.model.sources import Source, Sources
from sia_tui.app.navigator.page_stack import PageStack
from sia_tui.app.navigator.place import Pane, Place, Trail
from sia_tui.app.navigator.run_cursor import RunCursor
from sia_tui.app.rows.lineage_graph import node_target, run_and_generation, run_target
from sia_tui.app.rows.row import Target
from sia_tui.cli.standing.title import title


class Focus(NamedTuple):
    """What the cursors of the panes are on: the focused pane's row, and the timeline's event."""

    target: Target | None = None
    event: int | None = None


class Progress(NamedTuple):
    """What `Navigator.tick` has changed: events were appended to what is shown, or a replay has reached others."""

    appended: bool
    replayed: bool


class Navigator:
    """Moves among the runs of `sources`. `focus` tells what the panes' cursors are on at this moment."""

    def __init__(self, sources: Sources, focus: Callable[[], Focus] = Focus) -> None:
        self.sources = sources
        self.live_runs = LiveRuns()
        self.work: Work | None = None
        """What the step of the selected run does at this moment, where its engine was asked."""
        self.cursor: RunCursor | None = None
        self.generation: int | None = None
        self.pane = Pane.LINEAGE
        self.pages = PageStack()
        self.marks: list[Target] = []
        self._trail = Trail()
        self._cursors: dict[tuple[str, str], RunCursor] = {}
        self._focus = focus

    # -- what is selected ---------------------------------------------------------------------------------------------

    @property
    def status(self) -> str:
        """The status of the selected run; at its head `interrupted` where the log says `running` but no engine is."""
        if self.cursor is None:
            return ""
        status = self.cursor.snapshot.state.status
        if status == "running" and self.cursor.at_head:
            return self.live_runs.statuses.get(self.cursor.run_id, status)
        return status

    @property
    def live(self) -> bool:
        """Whether an engine works on the selected run, and its newest event is shown; also one that reads the test."""
        cursor = self.cursor
        if cursor is None or not cursor.at_head:
            return False
        if self.status in ("running", "starting"):
            return True
        if cursor.snapshot.state.open_step is None or cursor.source.workspace is None:
            return False
        from engine.events.log import is_held

        return is_held(cursor.source.workspace.path, cursor.run_id)

    @property
    def status_now(self) -> str:
        """The status of the selected run at its head, whatever event is shown: what an engine can be asked for."""
        cursor = self.cursor
        if cursor is None or cursor.at_head:
            return self.status
        known = self.live_runs.statuses.get(cursor.run_id)
        return known or cursor.source.status(cursor.source.reader.find(cursor.run_id))

    @property
    def awaits(self) -> bool:
        """Whether a candidate of the selected run needs approval now, whatever event is shown."""
        cursor = self.cursor
        return cursor is not None and not cursor.source.sealed and cursor.at_head_snapshot.state.awaiting is not None

    @property
    def waiting_elsewhere(self) -> list[Waiting]:
        """The other runs that wait for a person."""
        own = self.cursor.run_id if self.cursor else ""
        return [one for one in self.live_runs.waiting if one.run != own]

    @property
    def title(self) -> str:
        """The runs in a line for the terminal's title: one that waits for a person first."""
        if self.live_runs.waiting:
            return f"{self.live_runs.waiting[0].name} waits for you - sia"
        if self.cursor is None:
            return "sia"
        return title(self.cursor.snapshot.state.name, self.status, self.cursor.progress)

    @property
    def selection(self) -> Target | None:
        """The row of the lineage that is selected: a run, or one of its generations."""
        if self.cursor is None:
            return None
        label, run_id = self.cursor.source.label, self.cursor.run_id
        return node_target(label, run_id, self.generation) if self.generation else run_target(label, run_id)

    @property
    def selected_run(self) -> Target | None:
        """The row of the lineage of the selected run."""
        return run_target(self.cursor.source.label, self.cursor.run_id) if self.cursor else None

    @property
    def current_generation(self) -> int | None:
        """The selected generation; else that of the timeline's event; else the last one."""
        if self.cursor is None or self.generation is not None:
            return self.generation
        snapshot = self.cursor.snapshot
        event = self._focus().event if self.pane == Pane.TIMELINE else None
        if event is not None and (n := snapshot.generation_of(event)):
            return n
        return snapshot.state.current.n if snapshot.state.current else None

    @property
    def current_event(self) -> int | None:
        """The event under the timeline's cursor; where another pane has the focus, the last event that is shown."""
        if self.cursor is None:
            return None
        event = self._focus().event if self.pane == Pane.TIMELINE else None
        return event or self.cursor.n

    @property
    def current_instance(self) -> str | None:
        """The instance under the cursor, or the one that the inspector is about."""
        for target in (self._focus().target, self.pages.target):
            if target is None or self.cursor is None:
                continue
            if target.kind in ("instance", "bisect"):
                return str(target.first)
            if target.kind == "event":
                event = self.cursor.events.get(self.cursor.snapshot, int(target.first))
                if event is not None and isinstance(event.payload, t.InstanceFinished):
                    return event.payload.instance
        return None

    def select_run(self, source: Source, run_id: str, generation: int | None = None) -> bool:
        """Selects a run, or a generation of it, at the event where it was left, else at its newest.

        True if another run was selected.
        """
        key = (source.label, run_id)
        if key not in self._cursors:
            self._cursors[key] = RunCursor(source, run_id)
        changed = self.cursor is not self._cursors[key]
        self.cursor = self._cursors[key]
        self.generation = generation
        if changed:
            self.cursor.catch_up()  # what was appended while another run was shown
            self.work = None
            self.pages.replace()
        self.pages.replace(Target("generation", generation) if generation else Target("run"))
        return changed

    def default_run(self, reference: str | None = None) -> tuple[Source, str] | None:
        """The run to begin with: the one named by `reference`, else a live one, else the newest of the first log."""
        for source in self.sources:
            runs = source.reader.runs()
            if reference is not None:
                runs = [run for run in runs if reference in (run.run, run.name)]
            if runs:
                live = [run for run in runs if self.live_runs.statuses.get(run.run) == "running"]
                return source, (live or runs)[-1].run
        return None

    def find(self, row: Target) -> tuple[Source, str, int | None] | None:
        """The log, run and generation that a row of the lineage stands for; None where its log is not open."""
        source = self.sources.get(str(row.second))
        if source is None:
            return None
        if row.kind == "node":
            return source, *run_and_generation(row)
        return source, str(row.first), None

    def tick(self, seconds: float) -> Progress:
        """Reads what was appended to the logs, and advances the replay by `seconds` of wall time."""
        appended = False
        for source in self.sources:
            if not source.changed() or self.cursor is None or self.cursor.source is not source:
                continue
            if any(run.run == self.cursor.run_id for run in source.reader.runs()):
                appended = self.cursor.catch_up()
            else:
                self.forget(self.cursor)
        return Progress(appended, self.cursor is not None and self.cursor.advance(seconds))

    def forget(self, cursor: RunCursor) -> None:
        """Selects no run, and forgets the way back, since `cursor`'s run is gone."""
        label, run_id = cursor.source.label, cursor.run_id
        self._cursors.pop((label, run_id), None)
        self.cursor = self.generation = None
        self.marks = [one for one in self.marks if str(one.first).partition(":")[0] != run_id or one.second != label]
        self._trail = Trail()
        self.live_runs.statuses.pop(run_id, None)

    # -- marks --------------------------------------------------------------------------------------------------------

    def toggle_mark(self) -> None:
        """Marks the selection, or removes its mark; the last two marks are kept."""
        selection = self.selection
        if selection is None:
            return
        others = [mark for mark in self.marks if mark != selection]
        self.marks = others if selection in self.marks else [*others, selection][-2:]

    def comparison(self) -> Target | None:
        """The page that compares the two marks, or the mark and the selection; None where they do not compare."""
        if self.cursor is None or self.selection is None:
            return None
        pair = self.marks if len(self.marks) == 2 else [*self.marks, self.selection]
        if len(pair) != 2 or pair[0] == pair[1] or any(one.second != self.cursor.source.label for one in pair):
            return None
        first, second = pair
        if first.kind == second.kind == "run":
            return Target("compare", str(first.first), str(second.first))
        if first.kind == second.kind == "node":
            (run, generation), (other_run, other_generation) = run_and_generation(first), run_and_generation(second)
            if run == other_run == self.cursor.run_id:
                return Target("compare", *sorted((generation, other_generation)))
            return Target("compare", run, other_run)
        return None

    def difference(self) -> Target | None:
        """The page that compares the current harness with that of the marked generation, else with its parent."""
        if self.cursor is None:
            return None
        n = self.current_generation or 1
        marked = [run_and_generation(mark) for mark in self.marks if mark.kind == "node"]
        others = [other for run_id, other in marked if run_id == self.cursor.run_id and other != n]
        old = others[-1] if others else self.cursor.snapshot.parent_of(n)
        return Target("diff", old, n) if old else Target("harness", n)

    # -- the trail ----------------------------------------------------------------------------------------------------

    @property
    def place(self) -> Place:
        """Where the user is."""
        cursor = self.cursor
        return Place(
            cursor.source.label if cursor else "",
            cursor.run_id if cursor else "",
            self.generation,
            cursor.until if cursor else None,
            self.pane,
            self.pages.targets,
        )

    def record_place(self) -> None:
        """Adds the place to the trail, before the user leaves it."""
        if self.cursor is not None:
            self._trail.record(self.place)

    def move_along_trail(self, by: int) -> Place | None:
        """Moves along the trail, back (-1) or forward (1); None where it ends."""
        return self._trail.move(by, self.place)

    def restore(self, place: Place) -> bool:
        """Selects what `place` names and opens its pages; true if another run was selected."""
        source = self.sources.get(place.source)
        if source is None:
            return False
        changed = self.select_run(source, place.run_id, place.generation)
        if self.cursor is not None:
            self.cursor.go_to(place.until)
        self.pages.replace(*place.pages)
        return changed
