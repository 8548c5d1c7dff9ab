"""The list of all runs with what they cost and reached, sorted by any column; keys do something with one of them."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import ClassVar, NamedTuple

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.events import Resize
from textual.screen import ModalScreen
from textual.widgets import Static

from engine.events.reader import RunRow
from engine.events.storage.spending import RunSpent, spent_by_run
from sia_tui.app.keys import SYMBOLS
from sia_tui.app.model.best_score import BestScores
from sia_tui.app.model.lineage_graph import WAITS, PrivateChecks, RunNode, read_lineage
from sia_tui.app.model.sources import Source
from sia_tui.app.navigator.navigator import Navigator
from sia_tui.app.rows.lineage_graph import run_target
from sia_tui.app.rows.row import Row, Target, row
from sia_tui.app.widgets.lines import Lines
from sia_tui.cli.formats import decimal

_KEYS = (
    ("enter", "show", "Open"), ("slash", "search", "Search"), ("r", "rename", "Rename"), ("n", "note", "Note"),
    ("x", "export", "Export"), ("i", "import", "Import"), ("c", "checkout", "Checkout"), ("h", "hint", "Hint"),
    ("d", "delete", "Delete"),
)  # fmt: skip
_MOVES = "s Sort · S Reverse · O Fold · esc Back"
_WIDTHS = {"domain": 9, "started": 12, "status": 11, "best": 7, "honest": 7, "evals": 8, "usd": 7}
_NUMBERS = ("best", "honest", "evals", "usd")
_FIRST_TO_GO = ("usd", "evals", "domain", "started")
"""The columns that a narrow screen has no room for."""
_NAME = (12, 40)
"""The least and the most cells of a name."""

COUNT_S = 2.0
"""Seconds between two looks at whether more was spent."""
COUNT_REST = 10
"""A count reads the whole log: the next begins after so many times of what it took."""


class Chosen(NamedTuple):
    """What is to be done, by the id of the action, and the run under the cursor."""

    action: str
    run: Target | None


class Listed(NamedTuple):
    """A run as the list shows it; `depth` forks below one that has no parent, `folded` forks of it are out of sight."""

    source: Source
    node: RunNode
    spent: RunSpent | None
    depth: int = 0
    folded: int = 0

    @property
    def run(self) -> RunRow:
        """The run."""
        return self.node.run

    @property
    def target(self) -> Target:
        """The row of the run in the lineage."""
        return run_target(self.source.label, self.run.run)

    @property
    def cells(self) -> dict[str, str]:
        """The text of each column."""
        run, spent, honest = self.run, self.spent, self.node.best_honest
        branch = f"{'  ' * (self.depth - 1)}└ " if self.depth else ""
        return {
            "name": f"{branch}{f'+{self.folded} ' if self.folded else ''}{run.name}",
            "domain": run.domain,
            "started": datetime.fromtimestamp(run.created_at / 1e6).strftime("%d %b %H:%M"),
            "status": "waits" if self.node.status == WAITS else self.node.status,
            "best": "-" if run.best is None else decimal(run.best),
            "honest": "-" if honest is None else decimal(honest),
            "evals": "..." if spent is None else f"{spent.evaluations:,}",
            "usd": "..." if spent is None else f"{spent.usd:,.2f}" if spent.usd else "-",
        }


_ORDERS: Mapping[str, Callable[[Listed], float | str]] = {
    "started": lambda one: one.run.created_at,
    "name": lambda one: one.run.name,
    "domain": lambda one: one.run.domain,
    "status": lambda one: one.node.status,
    "best": lambda one: _number(one.run.best),
    "honest": lambda one: _number(one.node.best_honest),
    "evals": lambda one: one.spent.evaluations if one.spent else 0,
    "usd": lambda one: one.spent.usd if one.spent else 0.0,
}


class RunList(ModalScreen[Chosen | None]):
    """All runs of the open logs, forks below their parents; the forks of the runs in `folded` are out of sight.

    `sorting` is a column, and whether its largest value comes first.
    """

    DEFAULT_CSS = """
    RunList { align: center middle; }
    RunList Vertical { width: 120; max-width: 100%; height: 96%; border: round $primary; background: $surface; }
    RunList Lines { background: $surface; height: 1fr; }
    RunList Static { padding: 0 1; height: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(key, f"choose('{action}')", label, priority=key == "enter") for key, action, label in _KEYS),
        Binding("s", "sort", "Sort"),
        Binding("S", "reverse", "Reverse"),
        Binding("O", "fold", "Fold"),
        Binding("escape,q", "dismiss(None)", "Back"),
    ]

    def __init__(self, navigator: Navigator, sorting: tuple[str, bool], folded: set[Target]) -> None:
        super().__init__()
        self._navigator, self.sorting, self._folded = navigator, sorting, folded
        self._spent: dict[str, dict[str, RunSpent]] = {}
        self._known: dict[str, tuple[PrivateChecks, BestScores]] = {}
        self._counted: object = None
        self._rests_until = 0.0
        self._lines = Lines()
        self._has_honest = False

    def compose(self) -> ComposeResult:
        """The names of the columns, the runs, the keys."""
        with Vertical() as box:
            box.border_title = "runs"
            yield Static(id="columns")
            yield self._lines
            keys = " · ".join(f"{SYMBOLS.get(key, key)} {label}" for key, _, label in _KEYS)
            yield Static(Text(f"{keys} · {_MOVES}", style="dim"))

    def on_mount(self) -> None:
        """Lists the runs, and counts on another thread what they have spent; again where more was written."""
        self._lines.focus()
        self._count_again()
        self.set_interval(COUNT_S, self._count_again)

    def on_resize(self, event: Resize) -> None:
        """Gives the names the room that is left."""
        self._fill()

    def action_choose(self, action: str) -> None:
        """Ends with what is to be done with the run under the cursor."""
        self.dismiss(Chosen(action, self._lines.current.target if self._lines.current else None))

    def action_sort(self) -> None:
        """Sorts by the next column."""
        names = [name for name in _ORDERS if name != "honest" or self._has_honest]
        column = names[(names.index(self.sorting[0]) + 1) % len(names)]
        self.sorting = (column, column in ("started", *_NUMBERS))
        self._fill()

    def action_reverse(self) -> None:
        """Turns the order round."""
        self.sorting = (self.sorting[0], not self.sorting[1])
        self._fill()

    def action_fold(self) -> None:
        """Folds or unfolds the forks of the run under the cursor; where it has none, those beside it."""
        at = self._lines.current.target if self._lines.current else None
        runs = {one.target: one for one in self._listed()}
        if at is None or at not in runs:
            return
        parents = {run_target(one.source.label, one.run.parent) for one in runs.values() if one.run.parent}
        if at not in parents and (parent := runs[at].run.parent):
            at = run_target(runs[at].source.label, parent)
        if at in parents and at in runs:
            self._folded ^= {at}
            self._fill(at)

    def _count_again(self) -> None:
        written = [(source.label, source.reader.data_version()) for source in self._navigator.sources]
        if written != self._counted and time.monotonic() >= self._rests_until:
            self._counted, self._rests_until = written, math.inf
            self.run_worker(self._count, thread=True, group="page")

    def _count(self) -> None:
        began = time.monotonic()
        for source in list(self._navigator.sources):
            if source.sealed and source.label in self._spent:
                continue
            reader = source.new_reader()
            with contextlib.ExitStack() as closing:
                if not source.sealed:  # the reader of a sealed file is shared
                    closing.enter_context(contextlib.closing(reader))
                self._spent[source.label] = spent_by_run(reader.rows)
        took = time.monotonic() - began
        self._rests_until = began + took * COUNT_REST
        self.app.call_from_thread(self._fill)

    def _fill(self, at: Target | None = None) -> None:
        if not self.is_mounted:
            return
        column, falling = self.sorting
        all_runs = self._listed()
        self._has_honest = any(one.node.best_honest is not None for one in all_runs)
        listed = _below_parents(sorted(all_runs, key=_ORDERS[column], reverse=falling), self._folded)
        widths = _widths(self.size.width - 6, honest=self._has_honest)
        at = at or (self._lines.current.target if self._lines.current else self._navigator.selected_run)
        rows = [_row(one, widths) for one in listed]
        here = next((index for index, one in enumerate(rows) if one.target == at), 0)
        self._lines.show(rows, cursor_row=here)
        arrow = " ▼" if falling else " ▲"
        head = " ".join(_cell(f"{one}{arrow if one == column else ''}", one, widths) for one in widths)
        self.query_one("#columns", Static).update(Text(head, style="bold", no_wrap=True))

    def _listed(self) -> list[Listed]:
        found, live = [], self._navigator.live_runs
        waiting = {(one.label, one.run) for one in live.waiting}
        for source in self._navigator.sources:
            spent = self._spent.get(source.label)
            checks, best = self._known.setdefault(source.label, (PrivateChecks(), BestScores()))
            for node in read_lineage(source.reader, live.statuses, checks, best):
                status = live.statuses.get(node.run.run) or source.status(node.run)
                status = WAITS if (source.label, node.run.run) in waiting else status
                used = None if spent is None else spent.get(node.run.run, RunSpent())
                found.append(Listed(source, node._replace(status=status), used))
        return found


def _number(score: float | None) -> float:
    return float("-inf") if score is None else score


def _below_parents(runs: Sequence[Listed], folded: Collection[Target]) -> list[Listed]:
    """The runs in order, each followed by its forks in theirs, unless it is folded."""
    known = {one.target for one in runs}
    forks: dict[Target | None, list[Listed]] = {}
    for one in runs:
        parent = run_target(one.source.label, one.run.parent) if one.run.parent else None
        forks.setdefault(parent if parent in known else None, []).append(one)

    def below(parent: Target | None, depth: int) -> Iterator[Listed]:
        for one in forks.get(parent, []):
            hidden = [*below(one.target, depth + 1)]
            is_folded = one.target in folded
            yield one._replace(depth=depth, folded=len(hidden) if is_folded else 0)
            yield from () if is_folded else hidden

    return [*below(None, 0)]


def _widths(room: int, *, honest: bool) -> dict[str, int]:
    """The columns that have room, with their cells; that of honest scores where there are any."""
    widths, going = dict(_WIDTHS), list(_FIRST_TO_GO)
    if not honest:
        del widths["honest"]
    while going and room - sum(width + 1 for width in widths.values()) < _NAME[0]:
        del widths[going.pop(0)]
    name = room - sum(width + 1 for width in widths.values())
    return {"name": max(_NAME[0], min(name, _NAME[1])), **widths}


def _cell(text: str, column: str, widths: Mapping[str, int]) -> str:
    width = widths[column]
    text = text if len(text) <= width else f"{text[: width - 1]}…"
    return f"{text:>{width}}" if column in _NUMBERS else f"{text:<{width}}"


def _row(one: Listed, widths: Mapping[str, int]) -> Row:
    cells = one.cells
    text = " ".join(_cell(cells[column], column, widths) for column in widths)
    return row(f" {text}", to=one.target, copy=one.run.name)
