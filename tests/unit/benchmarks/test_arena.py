"""The arena: a cell is played within its budget, a run goes on where it was interrupted, and the best is the best."""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import minimize

from benchmarks.arena import environment, grid, methods, tasks
from benchmarks.arena.__main__ import main
from benchmarks.arena.cell import BudgetSpent, Cell, Meter, Outcome
from benchmarks.arena.journal import NAME, Journal
from benchmarks.arena.methods import ours, peer, random_search
from benchmarks.arena.task import Task
from benchmarks.arena.tasks import signals
from harness_repo.tunable import Value

TINY = ["--tasks", "branin-2", "lure-2", "--methods", "ours", "random", "--seeds", "1", "--budget", "7"]
OF_VALUES = [one for one in tasks.TASKS.values() if one.kind == "values"]


def played(folder: Path, *more: str) -> Journal:
    """The journal after the tiny grid."""
    assert main(["--out", str(folder), *TINY, *more]) == 0
    return Journal(folder)


def test_every_cell_spends_exactly_its_budget_and_begins_at_the_same_place(tmp_path: Path) -> None:
    outcomes = played(tmp_path).outcomes
    assert len(outcomes) == 4
    assert {outcome.spent["evaluations"] for outcome in outcomes.values()} == {7}
    assert not [outcome.failure for outcome in outcomes.values() if outcome.failure]
    first = {(cell.task, cell.seed): outcome.best_at(1) for cell, outcome in outcomes.items()}
    assert all(outcome.best_at(1) == first[cell.task, cell.seed] for cell, outcome in outcomes.items())
    for cell, outcome in outcomes.items():
        assert tasks.find(cell.task).score(outcome.winner) == outcome.best_at(7)


@pytest.mark.parametrize("torn", [b"", b'{"type":"cell","cell":{"ta'])
def test_an_interrupted_run_goes_on_and_ends_as_if_it_had_not_been(tmp_path: Path, torn: bytes) -> None:
    whole = played(tmp_path / "whole")
    path = tmp_path / "cut" / NAME
    path.parent.mkdir()
    path.write_bytes(b"".join((tmp_path / "whole" / NAME).read_bytes().splitlines(keepends=True)[:2]) + torn)
    kept = path.read_bytes().splitlines()[:2]
    again = played(tmp_path / "cut")
    assert path.read_bytes().splitlines()[:2] == kept
    assert len(path.read_bytes().splitlines()) == 4
    assert {cell: outcome.course for cell, outcome in again.outcomes.items()} == {
        cell: outcome.course for cell, outcome in whole.outcomes.items()
    }


def test_cells_of_another_version_of_a_method_are_played_again(tmp_path: Path) -> None:
    played(tmp_path)
    path = tmp_path / NAME
    lines = [json.loads(line) for line in path.read_bytes().splitlines()]
    for line in lines:
        if line["cell"]["method"] == "ours":
            line["version"] = "an earlier one"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    played(tmp_path)
    assert len(path.read_bytes().splitlines()) == 4 + 2


def test_cells_in_other_processes_are_the_same(tmp_path: Path) -> None:
    one, two = played(tmp_path / "one"), played(tmp_path / "two", "--jobs", "2")
    assert {cell: outcome.course for cell, outcome in one.outcomes.items()} == {
        cell: outcome.course for cell, outcome in two.outcomes.items()
    }


def test_fresh_seeds_are_those_from_the_first_one_on(tmp_path: Path) -> None:
    words = ["--tasks", "branin-2", "--methods", "random", "--budget", "3", "--seeds", "2", "--from-seed", "11"]
    assert main(["--out", str(tmp_path), *words]) == 0
    assert [cell.seed for cell in Journal(tmp_path).outcomes] == [11, 12]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--tasks", "branin"], "there is no task 'branin'"),
        (["--methods", "luck"], "there is no method 'luck'"),
        (["--seeds", "0"], "counted from 1"),
        (["--from-seed", "0"], "counted from 1"),
        (["--server", "http://127.0.0.1:1/v1"], "a server is named together with its model"),
        (["--server", "127.0.0.1:8080", "--model", "local"], "127.0.0.1:8080 is not the address of a server"),
        ([], "keeps its results in a folder"),
    ],
)
def test_what_cannot_be_played_is_refused_in_one_sentence(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 1
    assert said in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_is_refused_before_anything_is_played(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("mine")
    monkeypatch.setattr(grid, "play", lambda *_: pytest.fail("a cell was played"))
    assert main(["--out", str(tmp_path / "file"), *TINY]) == 1
    assert "cannot be written" in capsys.readouterr().err
    assert (tmp_path / "file").read_text() == "mine"


def test_who_reads_a_journal_leaves_it_as_it_is(tmp_path: Path) -> None:
    """A report must not cut off what an arena that still plays is about to write."""
    played(tmp_path)
    with (tmp_path / NAME).open("ab") as file:
        file.write(b'{"type":"cell","cell":{"ta')
    before = (tmp_path / NAME).read_bytes()
    assert main(["report", "--out", str(tmp_path)]) == 0
    assert (tmp_path / NAME).read_bytes() == before


def test_where_nothing_is_played_it_is_said_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    played(tmp_path)
    capsys.readouterr()
    played(tmp_path)
    assert "4 cells of this grid" in capsys.readouterr().out
    assert main(["--out", str(tmp_path), "--tasks", "branin-2", "--methods", "ours-model"]) == 1
    assert "none of these methods plays any of these tasks" in capsys.readouterr().err


def test_a_journal_that_is_none_is_refused_and_left_as_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / NAME).write_text('{"type":"poem"}\n')
    assert main(["--out", str(tmp_path), *TINY]) == 1
    assert "line 1" in capsys.readouterr().err
    assert (tmp_path / NAME).read_text() == '{"type":"poem"}\n'


def test_a_method_that_cannot_be_installed_is_left_out_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(name: str, pins: object, report: object) -> Path:
        raise environment.NotInstalled("the index has no such package")

    monkeypatch.setattr(environment, "make", refuse)
    journal = Journal(tmp_path)
    grid.run([Cell("branin-2", "cma-es", 1, 5), Cell("branin-2", "random", 1, 5)], journal, report=lambda _: None)
    assert Journal(tmp_path).left_out["cma-es"].reason == "the index has no such package"
    assert [cell.method for cell in journal.outcomes] == ["random"]


def _peer(tmp_path: Path, body: str) -> Path:
    script = tmp_path / "peer.py"
    script.write_text(f"import sys\nsys.path.insert(0, {str(peer.PEERS)!r})\nfrom line_protocol import serve\n{body}")
    return script


def test_a_peer_is_asked_and_told_until_the_budget_is_spent(tmp_path: Path) -> None:
    script = _peer(
        tmp_path,
        "class Steps:\n"
        "    def __init__(self, task): self.at = task['start']['x0']; print('noise')\n"
        "    def ask(self): return {'x0': self.at}\n"
        "    def tell(self, values, score): self.at = min(1.0, self.at + 0.01)\n"
        "serve(Steps)\n",
    )
    task = tasks.find("branin-2")
    meter = Meter(task.score, task.start(1), 6)
    with pytest.raises(BudgetSpent):
        peer._play(Path(sys.executable), script, task, 1, meter)
    assert meter.evaluations == 6


def test_a_peer_that_ends_or_proposes_what_is_nothing_fails_with_its_last_words(tmp_path: Path) -> None:
    script = _peer(tmp_path, "raise ImportError('no such thing')\n")
    task = tasks.find("branin-2")
    with pytest.raises(peer.PeerFailed, match="no such thing"):
        peer._play(Path(sys.executable), script, task, 1, Meter(task.score, task.start(1), 6))


def test_a_method_that_fails_keeps_what_it_had_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def play(task: Task, seed: int, meter: Meter) -> None:
        meter(task.start(seed + 1))
        raise ValueError("lost")

    broken = methods.METHODS["random"]._replace(bind=lambda python: play)
    monkeypatch.setitem(methods.METHODS, "random", broken)
    outcome = grid.play(Cell("branin-2", "random", 1, 9))
    assert isinstance(outcome, Outcome)
    assert outcome.failure == "ValueError: lost"
    assert outcome.spent["evaluations"] == 2


def test_there_are_at_least_thirty_black_boxes_of_each_kind_with_2_to_20_tunables() -> None:
    boxes = [
        one for one in tasks.TASKS.values() if one.group in ("smooth", "rugged", "mixed", "categorical", "conditional")
    ]
    assert len(boxes) >= 30
    assert {one.group for one in boxes} == {"smooth", "rugged", "mixed", "categorical", "conditional"}
    assert all(2 <= len(one.space) <= 20 for one in boxes)


@pytest.mark.parametrize("task", OF_VALUES, ids=lambda one: one.name)
def test_every_start_is_a_harness_of_the_product_and_differs_by_seed(task: Task) -> None:
    starts = [task.start(seed) for seed in (1, 2)]
    for start in starts:
        assert ours.harness(task.space, start).params == start


@pytest.mark.parametrize("task", [one for one in OF_VALUES if one.best is not None], ids=lambda one: one.name)
def test_nothing_scores_better_than_the_best_that_is_known(task: Task) -> None:
    """Local descents in the floats, from random places."""
    chance = random.Random(1)
    names = [name for name, tunable in task.space.items() if tunable.type == "float"]
    bounds = [(task.space[name].low, task.space[name].high) for name in names]
    for _ in range(2):
        values: Mapping[str, Value] = random_search.draw(task.space, chance)
        found = task.score(values)
        if names:
            at = [float(values[name]) for name in names]
            descent = minimize(
                lambda x, values=values: -task.score({**values, **dict(zip(names, map(float, x), strict=True))}),
                at, method="L-BFGS-B", bounds=bounds, options={"maxfun": 400},
            )  # fmt: skip
            found = max(found, -float(descent.fun))
        assert task.best is not None
        assert found <= task.best + 1e-6 * max(1.0, abs(task.best))


def test_five_tuning_tasks_have_conditional_spaces_and_a_hidden_half() -> None:
    tuning = [one for one in tasks.TASKS.values() if one.group == "tuning"]
    assert len(tuning) == 5
    assert all(any(tunable.when for tunable in one.space.values()) and one.honest for one in tuning)


@pytest.mark.parametrize("name", ["tune-diabetes", "signal-processing"])
def test_a_winner_is_judged_on_what_was_not_searched_on(name: str) -> None:
    task = tasks.find(name)
    start = task.start(1)
    assert task.honest is not None
    assert task.score(start) == task.score(start)
    assert task.honest(start) == task.honest(start) != task.score(start)


def test_a_pipeline_that_fails_has_the_worst_score() -> None:
    task = tasks.find("tune-wine")
    assert task.score({**task.start(1), "model": "neighbours", "k": 10**6}) == 0.0


def test_a_filter_sees_no_later_sample() -> None:
    chance = random.Random(1)
    space = tasks.find("signal-processing").space
    noisy = np.cumsum(np.random.default_rng(1).normal(size=80))
    for _ in range(12):
        values = random_search.draw(space, chance)
        whole, cut = signals.filtered(values, noisy), signals.filtered(values, noisy[:50])
        assert np.allclose(whole[:50], cut)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["heilbronn-8", "distances-10"])
def test_the_stated_floor_is_above_what_is_drawn_at_random(name: str) -> None:
    task = tasks.find(name)
    assert task.floor is not None
    chance = random.Random(1)
    assert task.floor().score > 2 * max(task.score(random_search.draw(task.space, chance)) for _ in range(200))


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_peers_play_as_they_come_from_the_index(tmp_path: Path) -> None:
    words = ["--tasks", "branin-2", "lure-2", "layers-7", "--seeds", "1", "--budget", "12"]
    assert main(["--out", str(tmp_path), *words]) == 0
    journal = Journal(tmp_path)
    assert not [outcome.failure for outcome in journal.outcomes.values() if outcome.failure]
    assert {cell.method for cell in journal.outcomes} | set(journal.left_out) == {
        name for name, method in methods.METHODS.items() if "values" in method.kinds
    }
