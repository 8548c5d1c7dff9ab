"""Runs, branches and forks as a graph, with each run's generations on its line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from engine.core.state import State
from engine.events.reader import Reader, RunRow
from sia_tui.app.rows.row import Row, Span, Target, Tone, seconds

_STATUS: dict[str, Tone] = {
    "running": "good",
    "interrupted": "bad",
    "failed": "bad",
    "paused": "warn",
    "stopped": "warn",
}


class Knot(NamedTuple):
    """A generation of a run on the graph; `cost` in a word."""

    n: int
    lever: str
    val: float | None
    se: float | None
    accepted: bool | None
    cost: str = ""


class Line(NamedTuple):
    """A run on the graph."""

    run: RunRow
    status: str
    knots: Sequence[Knot]
    leaves_at: int = 0
    note: str = ""


def read(reader: Reader, statuses: Mapping[str, str]) -> list[Line]:
    """All runs of a log with their generations, from the derived tables."""
    knots: dict[str, list[Knot]] = {}
    for row in reader.generations():
        knots.setdefault(row.run, []).append(Knot(row.generation, row.lever or "", row.val, row.se, row.accepted))
    return [
        Line(
            run,
            statuses.get(run.run, run.status),
            knots.get(run.run, []),
            reader.generation_of(run.parent, run.parent_n) if run.parent and run.parent_n else 0,
        )
        for run in reader.runs()
    ]


def at_event(line: Line, state: State, status: str) -> Line:
    """The line of a run as it was in `state`, with what each of its own generations has cost."""
    own = {knot.n for knot in line.knots}
    knots = []
    for one in state.generations:
        if one.n in own:
            done, verdict = one.execution, one.verdict
            val = done.scores.get("val") if done else None
            knots.append(
                Knot(
                    one.n,
                    one.candidate.lever or "",
                    val.score if val else None,
                    val.se if val else None,
                    verdict.accepted if verdict else None,
                    seconds(done.wall_s) if done else "",
                )
            )
    best = state.of(state.incumbent).execution if state.incumbent else None
    run = replace(line.run, best=best.scores["val"].score if best and "val" in best.scores else None)
    return line._replace(run=run, knots=knots, status=status)


def graph(lines: Sequence[Line], label: str, marked: Sequence[Target] = ()) -> list[Row]:
    """The rows; a fork stands below the generation that it left its parent in. `label` tells the source."""
    known = {line.run.run for line in lines}
    children: dict[str | None, list[Line]] = {}
    for line in lines:
        children.setdefault(line.run.parent if line.run.parent in known else None, []).append(line)
    rows: list[Row] = []

    def draw(line: Line, before: str) -> None:
        joint = f"{before[:-2]}├─" if before else ""
        rows.append(_run_row(line, joint, label, marked))
        inner = f"{before}│ "
        pending = list(children.get(line.run.run, []))
        for knot in line.knots:
            rows.append(_knot_row(line, knot, inner, label, marked))
            for child in [one for one in pending if one.leaves_at <= knot.n]:
                pending.remove(child)
                draw(child, inner)
        for child in pending:
            draw(child, inner)

    for line in children.get(None, []):
        draw(line, "")
    return rows


def _run_row(line: Line, joint: str, label: str, marked: Sequence[Target]) -> Row:
    to = Target("run", line.run.run, label)
    best: tuple[Span, ...] = () if line.run.best is None else ((f" {line.run.best:.4f}", ""),)
    note: tuple[Span, ...] = ((f"  {line.note}", "dim"),) if line.note else ()
    status: Span = (f"  {line.status}", _STATUS.get(line.status, "dim"))
    mark: tuple[Span, ...] = (("» ", "accent"),) if to in marked else ()
    return Row(((joint, "dim"), *mark, ("● ", "title"), (line.run.name, "title"), *best, status, *note), to,
               copy=line.run.name)  # fmt: skip


def _knot_row(line: Line, knot: Knot, inner: str, label: str, marked: Sequence[Target]) -> Row:
    to = Target("knot", f"{line.run.run}:{knot.n}", label)
    tone: Tone = "good" if knot.accepted else "dim" if knot.accepted is False else "accent"
    glyph = "+" if knot.accepted else "-" if knot.accepted is False else "?"
    shown = "  ..." if knot.val is None else f"  {knot.val:.4f}" + ("" if knot.se is None else f" ± {knot.se:.4f}")
    lever = {"harness": " H", "weights": " W"}.get(knot.lever, " 1st")
    mark: tuple[Span, ...] = (("» ", "accent"),) if to in marked else ()
    cost: tuple[Span, ...] = ((f"  {knot.cost}", "dim"),) if knot.cost else ()
    return Row(((inner, "dim"), *mark, (f"{glyph} {knot.n}", tone), (lever, "dim"), (shown, tone), *cost), to)


def knot_of(target: Target) -> tuple[str, int]:
    """The run and the generation that a row's target names."""
    run, _, n = str(target.first).rpartition(":")
    return run, int(n)
