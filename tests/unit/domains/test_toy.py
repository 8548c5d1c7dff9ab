"""The toy: drawings that are everywhere the same, hands that keep to their split, and an improvement in ten seconds."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from domains.contract import SPLITS, DataMissing, Graded, Split
from domains.toy.domain import Toy, load
from domains.toy.drawing import SHADES, SIDE
from tests.story import sia

DIGEST = "d5933c87eabec78c3efbc38d0277a5908420894302ff5ef6c5fdcdbbda8e7b3e"


@pytest.fixture(scope="module")
def toy() -> Toy:
    return Toy()


def test_the_drawings_are_the_same_everywhere(toy: Toy) -> None:
    assert toy.digest() == DIGEST


def test_a_drawing_is_eight_lines_of_eight_shades_and_no_two_are_equal(toy: Toy) -> None:
    drawings = [one.data for split in SPLITS for one in toy.instances(split)]
    assert all([len(line) for line in drawing.split("\n")] == [SIDE] * SIDE for drawing in drawings)
    assert set("".join(drawings)) == {*SHADES, "\n"}
    assert len(set(drawings)) == len(drawings) == 1200


def test_every_digit_is_equally_frequent_in_each_split(toy: Toy) -> None:
    for split in SPLITS:
        digits = [one.label for one in toy.instances(split)]
        assert {digits.count(digit) for digit in range(10)} == {len(digits) / 10}


@pytest.mark.parametrize("split", SPLITS)
def test_neither_an_id_nor_a_place_tells_a_digit(toy: Toy, split: Split) -> None:
    found = toy.instances(split)
    for period in range(1, 51):
        guesses = [(found[at - period].label, one.label) for at, one in enumerate(found) if at >= period]
        assert sum(guess == label for guess, label in guesses) < 0.2 * len(guesses)
        offset = [(one.label - at) % 10 for at, one in enumerate(found[:: period if period < 10 else 1])]
        assert max(offset.count(digit) for digit in range(10)) < 0.35 * len(offset)


@pytest.mark.parametrize("answer", [3.0, "3", True, None, [3], {"digit": 3}])
def test_only_the_digit_as_a_whole_number_counts(toy: Toy, answer: Any) -> None:
    three, one = (next(case for case in toy.instances("val") if case.label == digit) for digit in (3, 1))
    assert toy.grade(three, 3).score == 1.0
    assert toy.grade(three, answer).score == toy.grade(one, True).score == 0.0


def test_a_digit_that_is_never_read_shows_in_the_report(toy: Toy) -> None:
    graded = [Graded(one, answer := one.label or 5, toy.grade(one, answer)) for one in toy.instances("val")]
    summary = toy.summarise("val", graded)
    assert list(summary.subsets) == [f"digit {digit}" for digit in range(10)]
    assert [sum(row.grade.score for row in graded if row.instance.id in ids) for ids in summary.subsets.values()] == [
        0.0, *[20.0] * 9,
    ]  # fmt: skip
    assert summary.macro == pytest.approx(0.9)


def test_there_is_no_data_to_name(tmp_path: Path) -> None:
    with pytest.raises(DataMissing, match="leave --data out"):
        load(tmp_path)


def ran(workspace: Path, *arguments: str) -> Any:
    done = subprocess.run(sia(workspace, *arguments, "--json"), capture_output=True, text=True, timeout=200, check=True)
    return json.loads(done.stdout)


@pytest.mark.slow
def test_three_generations_accept_an_improvement_which_the_sealed_test_shows_too(tmp_path: Path) -> None:
    subprocess.run(sia(tmp_path, "run", "toy", "--generations", "3", "--headless"), check=True, timeout=200)
    shown = ran(tmp_path, "show", "last")
    first = shown["generations"][0]["val"]["score"]
    assert any(one["accepted"] for one in shown["generations"][1:])
    assert shown["best"]["val"]["score"] > first + 0.1
    tested = ran(tmp_path, "test", "last")
    assert tested["n"] == 500
    assert tested["score"] > tested["baselines"][0]["score"] + 0.05
