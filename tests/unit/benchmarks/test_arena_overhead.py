"""What a method takes to begin and for a proposal follows from cells of two budgets."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from benchmarks.arena.cell import Cell, Outcome
from benchmarks.arena.journal import Journal
from benchmarks.arena.report import write
from benchmarks.arena.report.overhead import Overhead, overheads, sections


def cells(method: str, begin: float, proposal: float, *budgets: int, failure: str = "") -> list[Outcome]:
    """Cells of three seeds, of which the first took ten seconds more to begin."""
    return [
        Outcome(
            Cell("packing-26", method, seed, budget),
            [(0, 1.0)],
            "",
            {"seconds": begin + 10 * (seed == 1 and budget == min(budgets)) + proposal * budget},
            failure=failure,
        )
        for seed in (1, 2, 3)
        for budget in budgets
    ]


def test_what_comes_once_is_told_from_what_comes_with_each_proposal() -> None:
    found = overheads([*cells("independent", 1, 0.1, 10, 50), *cells("shinka", 20, 1.0, 10, 50)])
    assert found["independent"] == Overhead(*map(pytest.approx, (1.0, 0.1, 1.0)))
    assert found["shinka"] == Overhead(*map(pytest.approx, (20.0, 1.0, 10.0)))
    assert "| shinka | 20.0 | 1.000 | 10.0 |" in list(sections(found))


def test_cells_of_one_budget_and_those_that_stopped_early_say_nothing() -> None:
    assert overheads(cells("independent", 1, 0.1, 10)) == {}
    assert overheads(cells("gepa", 1, 0.1, 10, 50)) == {}
    whole, cut = cells("independent", 1, 0.1, 10, 50), cells("gepa", 1, 0.1, 10, 50, failure="it ended")
    assert list(overheads([*whole, *cut])) == ["independent"]
    assert list(sections({})) == []


def test_the_report_has_the_table_in_both_its_forms(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    for one in [*cells("independent", 1, 0.1, 10, 50), *cells("gepa", 20, 0.2, 10, 50)]:
        journal.append(msgspec.structs.replace(one, course=[(0, 0.5), (3, 0.6)]))
    write(journal, tmp_path)
    assert "| gepa | 20.0 | 0.200 | 2.0 |" in (tmp_path / "report.md").read_text()
    assert json.loads((tmp_path / "report.json").read_bytes())["overheads"]["gepa"]["ratio"] == pytest.approx(2.0)
