"""The instances that a verdict found changed, as a table: id, score before and after, and how the input begins."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import NamedTuple

from rich.cells import cell_len, set_cell_size

from engine.core.results import JUDGED
from engine.core.state import Generation
from engine.events import types as t
from sia_tui.app.model.instance_inputs import Inputs, known
from sia_tui.app.model.snapshot import RunSnapshot
from sia_tui.app.rows.row import Row, Target, heading, row

SORTS = ("change", "id", "before", "after", "input")
"""What the table is sorted by: the first is the default, the worst that broke first."""
SHOWN = ("all", "broken", "fixed")
_SCORE = 8
_MIN_INPUT = 12
_MAX_ID = 28


class View(NamedTuple):
    """How a table is sorted, and which part of it is shown; in a page's target as text."""

    sort: str = SORTS[0]
    shown: str = SHOWN[0]

    @classmethod
    def of(cls, target: Target) -> View:
        """The view in `target.second`."""
        sort, _, shown = str(target.second or "").partition(" ")
        return cls(sort if sort in SORTS else SORTS[0], shown if shown in SHOWN else SHOWN[0])

    def on(self, target: Target) -> Target:
        """`target` with this view; the first view leaves it bare."""
        return target._replace(second=0 if self == View() else f"{self.sort} {self.shown}")


class Change(NamedTuple):
    """An instance that was fixed or broken; a score is None where the log has none."""

    id: str
    broken: bool
    before: float | None
    after: float | None
    input: str

    @property
    def rise(self) -> float:
        """By how much its score rose."""
        return (self.after or 0.0) - (self.before or 0.0)


def changes(snapshot: RunSnapshot, one: Generation, verdict: t.GateDecided, inputs: Inputs | None) -> list[Change]:
    """The instances that candidate `one` broke and fixed."""
    before, after = _before(snapshot, one, verdict), _scores(snapshot, one.n, one.candidate)
    return [
        Change(name, broken, before.get(name), after.get(name), _input(inputs, name))
        for names, broken in ((verdict.broken, True), (verdict.fixed, False))
        for name in names
    ]


def _before(snapshot: RunSnapshot, one: Generation, verdict: t.GateDecided) -> dict[str, float]:
    """The incumbent's scores: executed beside the candidate, else where it was executed on this val."""
    if not verdict.against:
        return {}
    state = snapshot.state
    rival = state.of(verdict.against).candidate
    beside = _scores(snapshot, one.n, rival) if rival.harness != one.candidate.harness else {}
    return beside or _scores(snapshot, state.rotation.executed_in(verdict.against, one.n), rival)


def _scores(snapshot: RunSnapshot, generation: int, candidate: t.Candidate) -> dict[str, float]:
    """The mean score of each instance that the gate judges by."""
    found: dict[str, list[float]] = {}
    for split in JUDGED:
        for name, _, score in snapshot.reader.scores_of(
            snapshot.run_id, generation, candidate.harness, split, until=snapshot.n
        ):
            found.setdefault(name, []).append(score)
    return {name: fmean(scores) for name, scores in found.items()}


def _input(inputs: Inputs | None, name: str) -> str:
    texts = (inputs.text(split, name) for split in JUDGED) if inputs else ()
    return " ".join(next((text for text in texts if text), "").split())


def table(snapshot: RunSnapshot, one: Generation, verdict: t.GateDecided, view: View, width: int) -> list[Row]:
    """The header, then a row for each instance; a last row says that the view shows none."""
    inputs = known(snapshot.state.domain)
    every = changes(snapshot, one, verdict, inputs)
    shown = [change for change in every if view.shown == "all" or change.broken == (view.shown == "broken")]
    shown.sort(key=_KEYS[view.sort])
    id_cells = min(_MAX_ID, max((cell_len(change.id) for change in every), default=2))
    room = width - id_cells - 2 * (_SCORE + 1) - 4
    header = f"  {set_cell_size('id', id_cells)} {'before':>{_SCORE}} {'after':>{_SCORE}}"
    note = "input" if inputs is None or not inputs.missing else f"input: {inputs.missing}"
    head = row((f"{header}  {set_cell_size(note, max(0, room)).rstrip()}", "dim"))
    rows = [_change_row(change, one.n, id_cells, room) for change in shown]
    return [head, *(rows or [row((f"no instance was {'changed' if view.shown == 'all' else view.shown}", "dim"))])]


def _change_row(change: Change, n: int, id_cells: int, room: int) -> Row:
    mark, scores = "- " if change.broken else "+ ", (change.before, change.after)
    texts = "".join(f" {'-' if score is None else f'{score:.4g}':>{_SCORE}}" for score in scores)
    begins = f"  {set_cell_size(change.input, room).rstrip()}" if room >= _MIN_INPUT else ""
    return row(
        (mark, "bad" if change.broken else "good"),
        f"{set_cell_size(change.id, id_cells)}{texts}",
        (begins, "dim"),
        to=Target("instance", change.id, n),
        copy=change.id,
    )


_KEYS = {
    "change": lambda one: (not one.broken, -abs(one.rise), one.id),
    "id": lambda one: one.id,
    "before": lambda one: (one.before if one.before is not None else -1e300, one.id),
    "after": lambda one: (one.after if one.after is not None else -1e300, one.id),
    "input": lambda one: (not one.input, one.input, one.id),
}


def title(verdict: t.GateDecided, view: View) -> Row:
    """How many were broken and fixed, and which keys change the view."""
    note = f"against generation {verdict.against} · , sort: {view.sort} · . show: {view.shown}"
    return heading(f"{len(verdict.broken)} broken, {len(verdict.fixed)} fixed", note)


def next_of(names: Sequence[str], name: str) -> str:
    """The name behind `name`; behind the last one the first."""
    return names[(names.index(name) + 1) % len(names)]
