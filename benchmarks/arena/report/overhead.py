"""What a method takes to begin, and for each further proposal, from cells that differ in their budget alone.

With a proposer that replies at once, what a proposal takes is its evaluation, the same for all, and the method's work.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from benchmarks.arena.cell import Outcome
from benchmarks.arena.report.tables import table

BESIDE = "independent"
"""Its work on a proposal is one request: the measure of the others'."""


class Overhead(msgspec.Struct, frozen=True):
    """Medians over tasks and seeds, in seconds: of what comes once a cell, and of each proposal. `ratio` is that of a
    proposal, as a multiple of the same of independent sampling."""

    begin: float
    proposal: float
    ratio: float


def overheads(outcomes: Iterable[Outcome]) -> dict[str, Overhead]:
    """By method; empty where independent sampling did not play the same cells with two budgets."""
    took: dict[str, dict[tuple[str, int], dict[int, float]]] = {}
    for one in outcomes:
        if not one.failure:
            cells = took.setdefault(one.cell.method, {})
            cells.setdefault((one.cell.task, one.cell.seed), {})[one.cell.budget] = one.spent["seconds"]
    lines = {method: found for method, cells in took.items() if (found := list(_lines(cells.values())))}
    if BESIDE not in lines:
        return {}
    each = {method: statistics.median(slope for _, slope in found) for method, found in lines.items()}
    return {
        method: Overhead(statistics.median(begin for begin, _ in found), each[method], each[method] / each[BESIDE])
        for method, found in lines.items()
    }


def _lines(cells: Iterable[Mapping[int, float]]) -> Iterator[tuple[float, float]]:
    """Of each cell that was played with two budgets or more: the seconds that come once, and those of a proposal."""
    for seconds in cells:
        least, most = min(seconds), max(seconds)
        if least < most:
            slope = (seconds[most] - seconds[least]) / (most - least)
            yield seconds[least] - slope * least, slope


def sections(found: Mapping[str, Overhead]) -> Iterator[str]:
    """The table of the report."""
    if found:
        yield "\n## What a method takes\n"
        yield from table(
            ["method", "seconds to begin", "seconds a proposal", f"as a multiple of {BESIDE}'s"],
            [[name, f"{one.begin:.1f}", f"{one.proposal:.3f}", f"{one.ratio:.1f}"] for name, one in found.items()],
        )
