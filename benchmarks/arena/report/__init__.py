"""The report of an arena, made from its journal alone: report.json, report.md and a picture for each budget."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from benchmarks.arena import tasks
from benchmarks.arena.journal import Journal
from benchmarks.arena.report.curves import figures
from benchmarks.arena.report.markdown import document
from benchmarks.arena.report.standing import Standing, standing
from domains import atomic
from engine.errors import SiaError
from sia_tui.cli.figures.svg import document as drawn

FIRST, BESIDE = "ours", "optuna-tpe"
"""The method that is tested against the others, and the one whose regret is the measure of regrets."""


def write(journal: Journal, folder: Path) -> list[str]:
    """Writes the report into `folder`; returns the names of its files. Raises `SiaError` where nothing was played."""
    standings, extra = _standings(journal)
    if not standings:
        raise SiaError(f"{folder} holds no cells to compare", "play some first: python -m benchmarks.arena --out DIR")
    told = {
        "tasks": tasks.DATED,
        "standings": standings,
        "fewer_cells": extra,
        "floors": list(journal.floors.values()),
        "left_out": list(journal.left_out.values()),
        "versions": {one.cell.method: one.version for one in journal.outcomes.values()},
    }
    files = {
        "report.json": msgspec.json.format(msgspec.json.encode(told)) + b"\n",
        "report.md": document(journal, standings, extra).encode(),
    }
    files |= {f"curves-{one.budget}.svg": drawn(figures(journal, one)).encode() for one in standings}
    for name, content in files.items():
        atomic.write(folder / name, content, durable=False)
    return list(files)


def _standings(journal: Journal) -> tuple[list[Standing], list[Standing]]:
    """For each budget the methods that played most cells; then with them each that played fewer, on its cells."""
    whole: list[Standing] = []
    fewer: list[Standing] = []
    for budget in sorted({cell.budget for cell in journal.outcomes}):
        blocks: dict[str, set[tuple[str, int]]] = {}
        for cell in journal.outcomes:
            if cell.budget == budget:
                blocks.setdefault(cell.method, set()).add((cell.task, cell.seed))
        most = max(len(played) for played in blocks.values())
        full = [name for name, played in blocks.items() if len(played) == most]
        whole += _some(standing(journal, budget, full, first=FIRST, beside=BESIDE))
        for name in blocks:
            if name not in full and FIRST in blocks:
                together = list(dict.fromkeys([FIRST, *full, name]))
                fewer += _some(standing(journal, budget, together, first=FIRST, beside=BESIDE))
    return whole, fewer


def _some(one: Standing | None) -> Sequence[Standing]:
    return [one] if one else []
