"""The report of an arena, made from its journal alone: report.json, report.md and a picture for each budget."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path

import msgspec

from benchmarks.arena import tasks
from benchmarks.arena.journal import Journal
from benchmarks.arena.programs import unchanging
from benchmarks.arena.report.curves import figures
from benchmarks.arena.report.markdown import document
from benchmarks.arena.report.overhead import overheads
from benchmarks.arena.report.programs import FIRST, programs
from benchmarks.arena.report.standing import Standing, standing
from domains import atomic
from engine.errors import SiaError
from sia_tui.cli.figures.svg import document as drawn

BESIDE = {"values": ("ours", "optuna-tpe"), "program": (FIRST, "independent")}
"""For each kind of task the method that is tested against the others, and whose regret is the measure of regrets."""

_PARTS = {"evaluation": "", "proposal": "-programs"}


def write(journal: Journal, folder: Path) -> list[str]:
    """Writes the report into `folder`; returns the names of its files. Raises `SiaError` where nothing was played."""
    standings, extra = _standings(journal)
    of_models = [one for one in journal.outcomes.values() if tasks.find(one.cell.task).kind == "program"]
    of_programs = programs(of_models)
    if not (standings or of_programs):
        raise SiaError(f"{folder} holds no cells to compare", "play some first: python -m benchmarks.arena --out DIR")
    told = {
        "tasks": tasks.DATED,
        "standings": standings,
        "fewer_cells": extra,
        "programs": of_programs,
        "overheads": overheads(of_models),
        "floors": list(journal.floors.values()),
        "left_out": list(journal.left_out.values()),
        "versions": {one.cell.method: one.version for one in journal.outcomes.values()},
    }
    files = {
        "report.json": msgspec.json.format(msgspec.json.encode(told)) + b"\n",
        "report.md": document(journal, standings, extra, of_programs, overheads(of_models)).encode(),
    }
    files |= {f"curves-{one.budget}{_PARTS[one.unit]}.svg": drawn(figures(journal, one)).encode() for one in standings}
    for name, content in files.items():
        atomic.write(folder / name, content, durable=False)
    return list(files)


def _standings(journal: Journal) -> tuple[list[Standing], list[Standing]]:
    """For each kind of task and budget the methods that played most cells; then with them each that played fewer, on
    its cells. Tasks on which nothing can be gained have no ranks."""
    contest = copy.copy(journal)
    contest.outcomes = {
        cell: one for cell, one in journal.outcomes.items() if tasks.find(cell.task).group != unchanging.GROUP
    }
    whole: list[Standing] = []
    fewer: list[Standing] = []
    of_kind = {cell: tasks.find(cell.task).kind for cell in contest.outcomes}
    for kind, budget in sorted(
        {(kind, cell.budget) for cell, kind in of_kind.items()}, key=lambda pair: (pair[0] == "program", pair[1])
    ):
        first, beside = BESIDE[kind]
        blocks: dict[str, set[tuple[str, int]]] = {}
        for cell, its in of_kind.items():
            if cell.budget == budget and its == kind:
                blocks.setdefault(cell.method, set()).add((cell.task, cell.seed))
        most = max(len(played) for played in blocks.values())
        full = [name for name, played in blocks.items() if len(played) == most]
        whole += _some(standing(contest, budget, full, first=first, beside=beside))
        for name in blocks:
            if name not in full and first in blocks:
                together = list(dict.fromkeys([first, *full, name]))
                fewer += _some(standing(contest, budget, together, first=first, beside=beside))
    return whole, fewer


def _some(one: Standing | None) -> Sequence[Standing]:
    return [one] if one else []
