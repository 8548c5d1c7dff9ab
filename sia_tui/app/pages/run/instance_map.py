"""The map of a run: generations across, instances of `val` down; what each candidate got right, wrong, or failed."""

from __future__ import annotations

from rich.cells import cell_len

from sia_tui.app.model.snapshot import Moment
from sia_tui.app.rows.row import Page, Row, Span, Target, prose, row

_CELLS: dict[str, Span] = {
    "right": ("+", "good"),
    "wrong": ("-", "dim"),
    "between": ("~", ""),
    "failed": ("!", "warn"),
    "none": (".", "dim"),
    "fixed": ("F", "good"),
    "broken": ("B", "bad"),
}
LEGEND = "+ right  - wrong  ~ between  ! failed  . not run  F fixed  B broken by that candidate"


def build(moment: Moment, _target: Target, width: int) -> Page:
    """Instances that some candidate changed come first, then by how often they were answered wrong."""
    state = moment.state
    grid = cells(moment)
    last = len(state.generations)
    marked: dict[tuple[str, int], str] = {}
    for one in state.generations:
        if one.verdict:
            marked |= {(name, one.n): "fixed" for name in one.verdict.fixed}
            marked |= {(name, one.n): "broken" for name in one.verdict.broken}
    touched = {name for name, _ in marked}
    ordered = sorted(
        grid, key=lambda name: (name not in touched, sum(grid[name].get(n) == "right" for n in grid[name]), name)
    )
    room = max(8, min(width - last - 3, max((cell_len(name) for name in grid), default=8)))
    rows: list[Row] = [
        *prose(LEGEND, width, "dim"),
        row((" " * room + "  " + "".join(str(n % 10) for n in range(1, last + 1)), "dim")),
    ]
    for name in ordered:
        known = grid[name]
        spans = [_CELLS[marked.get((name, n)) or known.get(n, "none")] for n in range(1, last + 1)]
        shown = name if len(name) <= room else f"{name[: room - 1]}…"
        culprit = next((n for n in range(last, 0, -1) if marked.get((name, n)) == "broken"), 0)
        rows.append(row(f"{shown:<{room}}  ", *spans, to=Target("instance", name, culprit), copy=name))
    return Page(f"map of {len(ordered):,} instances", rows, cursor=len(rows) - len(ordered) if ordered else 0)


def cells(moment: Moment) -> dict[str, dict[int, str]]:
    """By instance of `val` and generation, what the candidate made of it; its repeats together."""
    found: dict[str, dict[int, str]] = {}
    for instance, generation, score, failed in moment.reader.grid(moment.run, "val", until=moment.n):
        kind = "failed" if failed else "right" if score >= 1 else "wrong" if score <= 0 else "between"
        found.setdefault(instance, {})[generation] = kind
    return found
