"""The report of an arena: ranks, ratios and tests follow from the cells, and its files are complete."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

from benchmarks.arena import tasks
from benchmarks.arena.__main__ import main
from benchmarks.arena.cell import Cell, LeftOut, Outcome
from benchmarks.arena.journal import Journal
from benchmarks.arena.report.ratios import LEAST, ratio, span
from benchmarks.arena.report.standing import standing

NAMES = [name for name, task in tasks.TASKS.items() if task.best == 0.0][:8]


def journal(folder: Path, regrets: dict[str, float], budget: int = 20) -> Journal:
    """Cells whose start has a regret of 10, and whose best is `regrets` of their method, a little more by seed."""
    made = Journal(folder)
    for task in NAMES:
        for seed in (1, 2, 3):
            for method, regret in regrets.items():
                course = [(1, -10.0), (5, -regret - seed / 1000)]
                made.append(Outcome(Cell(task, method, seed, budget), course, {}, {"evaluations": 20, "seconds": 1.0}))
    return made


def test_the_better_method_has_the_better_rank_ratio_and_a_small_p(tmp_path: Path) -> None:
    cells = journal(tmp_path, {"ours": 1.0, "optuna-tpe": 2.0, "random": 4.0})
    found = standing(cells, 20, ["ours", "optuna-tpe", "random"], first="ours", beside="optuna-tpe")
    assert found is not None
    assert [rank.mean for rank in found.ranks.values()] == [1.0, 2.0, 3.0]
    assert found.ratios["all"]["ours"] == pytest.approx(0.5, abs=0.01)
    assert found.ratios["all"]["random"] == pytest.approx(2.0, abs=0.01)
    assert found.friedman is not None
    assert found.friedman < 0.01
    assert [(pair.better, pair.worse) for pair in found.pairs] == [(8, 0), (8, 0)]
    assert all(pair.corrected < 0.05 for pair in found.pairs)


def test_a_ratio_has_an_interval_that_narrows_with_seeds_and_holds_it() -> None:
    chance = np.random.default_rng(1)

    def drawn(seeds: int) -> tuple[list[list[float]], list[list[float]]]:
        both = chance.exponential(0.1, (2, 5, seeds))
        return both[0].tolist(), both[1].tolist()

    few, many = (span(*drawn(seeds)) for seeds in (3, 300))
    assert few is not None
    assert many is not None
    assert few.low < 1 < few.high  # of two methods that are alike
    assert many.high / many.low < 1.5 < few.high / few.low
    one, other = drawn(10)
    found = span(one, other)
    assert found is not None
    assert found.low < ratio(one, other) < found.high


def test_seeds_are_drawn_alike_for_both_methods() -> None:
    """What is always half as much is half as much in each draw, however far seeds are apart."""
    found = span([[0.1, 0.5, 0.02]], [[0.2, 1.0, 0.04]])
    assert found == pytest.approx((0.5, 0.5))
    assert ratio([[0.0, 0.0]], [[LEAST, LEAST]]) == pytest.approx(1.0)
    assert span([[0.1]], [[0.2]]) is None


def test_the_page_has_the_interval_of_each_ratio_and_none_of_the_measure_itself(tmp_path: Path) -> None:
    journal(tmp_path, {"ours": 1.0, "optuna-tpe": 2.0})
    assert main(["report", "--out", str(tmp_path)]) == 0
    assert "| all | 0.50 [0.50, 0.50] (1.00) | 1.00 (2.00) |" in (tmp_path / "report.md").read_text()


def test_equal_methods_tie(tmp_path: Path) -> None:
    cells = journal(tmp_path, {"ours": 1.0, "optuna-tpe": 1.0, "random": 1.0})
    found = standing(cells, 20, ["ours", "optuna-tpe", "random"], first="ours", beside="optuna-tpe")
    assert found is not None
    assert {rank.mean for rank in found.ranks.values()} == {2.0}
    assert all(pair.p == 1.0 for pair in found.pairs)
    assert found.friedman is None


def test_only_cells_that_all_have_played_are_compared(tmp_path: Path) -> None:
    cells = journal(tmp_path, {"ours": 1.0, "random": 2.0})
    cells.append(Outcome(Cell(NAMES[0], "smac", 1, 20), [(1, -10.0)], {}, {"seconds": 1.0}))
    found = standing(cells, 20, ["ours", "random", "smac"], first="ours", beside="random")
    assert found is not None
    assert (list(found.scores), found.seeds) == ([NAMES[0]], [1])


def test_one_seed_has_no_error_bar_and_a_method_without_a_winner_no_honest_score(tmp_path: Path) -> None:
    cells, task = Journal(tmp_path), next(name for name, one in tasks.TASKS.items() if one.honest)
    for method, honest in (("ours", 0.5), ("random", None)):
        spent = {"evaluations": 20, "seconds": 1.0}
        cells.append(Outcome(Cell(task, method, 1, 20), [(1, 0.1), (5, 0.25)], {}, spent, honest=honest))
    assert main(["report", "--out", str(tmp_path)]) == 0
    page = (tmp_path / "report.md").read_text()
    assert "20 evaluations, 1 task, 1 seed" in page
    assert f"| {task} | 0.5 | - |" in page
    assert f"| {task} | 0.25 | 0.25 | 0.25 |" in page


def test_the_files_are_complete_and_say_who_was_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    journal(tmp_path, {"ours": 1.0, "random": 2.0}).append(LeftOut("smac", "no compiler"))
    assert main(["report", "--out", str(tmp_path)]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3
    assert "smac: no compiler" in (tmp_path / "report.md").read_text()
    told = json.loads((tmp_path / "report.json").read_text())
    assert told["left_out"] == [{"type": "left out", "method": "smac", "reason": "no compiler"}]
    picture = ET.parse(tmp_path / "curves-20.svg").getroot()  # noqa: S314 - our own
    curves = [one.get("stroke") for one in picture.iter() if one.get("class") == "curve"]
    assert len(set(curves)) == 2  # each method has a colour of its own


def test_a_method_that_played_fewer_cells_is_compared_on_those(tmp_path: Path) -> None:
    cells = journal(tmp_path, {"optuna-tpe": 1.0, "random": 2.0})
    for task in NAMES[:3]:
        cells.append(Outcome(Cell(task, "ours", 1, 20), [(1, -10.0), (4, -0.5)], {}, {"seconds": 1.0}))
    assert main(["report", "--out", str(tmp_path)]) == 0
    page = (tmp_path / "report.md").read_text()
    assert "## 20 evaluations, 8 tasks, 3 seeds\n" in page
    assert "## 20 evaluations, 3 tasks, 1 seed, the cells that all of these played" in page
    assert "| ours | 1.00" in page


def test_a_folder_without_cells_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "--out", str(tmp_path)]) == 1
    assert "holds no cells" in capsys.readouterr().err


def test_methods_with_a_model_have_medians_what_they_spent_and_what_they_built_on_no_gain(tmp_path: Path) -> None:
    made = Journal(tmp_path)
    spent = {"seconds": 2.0, "proposals": 10, "tokens in": 1000, "tokens out": 50, "evaluations": 20, "wasted calls": 1}
    for method, best, no_gain in (("ours-model", 0.9, 0), ("independent", 0.8, 0), ("sequential", 0.95, 7)):
        for seed in range(1, 6):
            course = [(0, 0.5), (4, best + seed / 1e5)]
            for task in ("packing-26", "commented"):
                counted = {**spent, "built on no gain": no_gain}
                made.append(Outcome(Cell(task, method, seed, 10), course, "x = 1", counted))
    assert main(["report", "--out", str(tmp_path)]) == 0
    page = (tmp_path / "report.md").read_text()
    assert "## 10 proposals, 1 task, 5 seeds" in page
    assert "| ours-model | 100 | 5 | 0.25 | 2.0 | 10% | 2 | 0 |" in page
    assert "| independent | 1 | 0 | none |" in page
    assert "| sequential | 0 | 1 | packing-26 |" in page
    assert "| commented | 0.0 | 0.0 | 7.0 |" in page
    assert (tmp_path / "curves-10-programs.svg").is_file()
