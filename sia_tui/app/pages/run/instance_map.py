"""The map of a run: generations across, instances of `val` down, the result of each, and who is best there."""

from __future__ import annotations

from rich.cells import cell_len

from engine.agents.archive import Archive, sentence
from engine.queries.score_course import archive_of, archive_of_slices
from sia_tui.app.model.snapshot import RunSnapshot
from sia_tui.app.rows.row import Page, Row, Span, Target, row
from sia_tui.app.rows.text import wrap
from sia_tui.cli.formats import plural

_CELLS: dict[str, Span] = {
    "right": ("+", "good"),
    "wrong": ("-", "dim"),
    "between": ("~", ""),
    "failed": ("!", "warn"),
    "none": (".", "dim"),
    "fixed": ("F", "good"),
    "broken": ("B", "bad"),
}
LEGEND = (
    "+ right  - wrong  ~ between  ! failed  . not run  F fixed  B broken by that candidate  "
    "best: the generations with the highest score there, = all alike"
)
_MIN_NAME = 8
_BEST = 12
"""Cells for the numbers of the best generations."""


def build(snapshot: RunSnapshot, _target: Target, width: int) -> Page:
    """Instances that a candidate fixed or broke come first; the others by how often they were wrong."""
    results = results_by_instance(snapshot)
    changes = _changes(snapshot)
    changed = {name for name, _ in changes}
    names = sorted(
        results, key=lambda name: (name not in changed, sum(kind == "right" for kind in results[name].values()), name)
    )
    last = len(snapshot.state.generations)
    best = archive_of(snapshot.reader, snapshot.state, snapshot.n)
    longest = max((cell_len(name) for name in results), default=_MIN_NAME)
    room = max(_MIN_NAME, min(width - last - 4 - _BEST, longest))
    rows: list[Row] = [
        *wrap(LEGEND, width, "dim"),
        *(wrap(told, width, "accent") if (told := sentence(best)) else []),
        *_slices(archive_of_slices(snapshot.reader, snapshot.state, snapshot.n)),
        row((" " * room + "  " + "".join(str(n % 10) for n in range(1, last + 1)) + "  best", "dim")),
    ]
    first = len(rows) if names else 0
    for name in names:
        cells = [_CELLS[changes.get((name, n)) or results[name].get(n, "none")] for n in range(1, last + 1)]
        label = name if len(name) <= room else f"{name[: room - 1]}…"
        breaker = next((n for n in range(last, 0, -1) if changes.get((name, n)) == "broken"), 0)
        rows.append(
            row(f"{label:<{room}}  ", *cells, "  ", _best(best, name), to=Target("instance", name, breaker), copy=name)
        )
    return Page(f"map of {plural(len(names), 'instance')}", rows, cursor_row=first)


def _slices(found: Archive | None) -> list[Row]:
    """A row for each slice with the generations that are best there."""
    if found is None:
        return []
    return [row(f"slice {name}: best ", _best(found, name)) for name in found.leaders]


def _best(best: Archive, instance: str) -> Span:
    """The best generations on an instance, loud where the incumbent is none of them."""
    winners = best.leaders.get(instance, ())
    if winners and best.alike(instance):
        return "=", "dim"
    named = " ".join(map(str, winners))
    shown = named if len(named) <= _BEST else f"{named[: _BEST - 1].rpartition(' ')[0]} …"
    return shown, "accent" if best.incumbent is not None and best.incumbent not in winners else "dim"


def results_by_instance(snapshot: RunSnapshot) -> dict[str, dict[int, str]]:
    """By instance of `val` and generation, the kind of its result, the mean of its repeats."""
    results: dict[str, dict[int, str]] = {}
    for instance, generation, score, failed in snapshot.reader.grid(snapshot.run_id, "val", until=snapshot.n):
        kind = "failed" if failed else "right" if score >= 1 else "wrong" if score <= 0 else "between"
        results.setdefault(instance, {})[generation] = kind
    return results


def _changes(snapshot: RunSnapshot) -> dict[tuple[str, int], str]:
    """By instance and generation, `fixed` or `broken` as the gate said."""
    changes: dict[tuple[str, int], str] = {}
    for one in snapshot.state.generations:
        if one.verdict:
            changes |= {(name, one.n): "fixed" for name in one.verdict.fixed}
            changes |= {(name, one.n): "broken" for name in one.verdict.broken}
    return changes
