"""A race stops what is clearly worse, rarely what is as good, and says the same in whichever order answers arrive."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from engine.core.units import Row
from engine.events import types as t
from engine.steps.race import ERROR, Race, Rival, noise


def rows(count: int, repeats: int = 1) -> list[Row]:
    return [(f"case-{n:03}", repeat) for n in range(count) for repeat in range(repeats)]


def race(rival: Sequence[float], *, repeats: int = 1, groups: dict[str, str] | None = None) -> Race:
    order = rows(len(rival) // repeats, repeats)
    mean = sum(rival) / len(rival)
    return Race(Rival("the best", dict(zip(order, rival, strict=True)), mean), order, groups or {})


def run(of: Race, scores: Sequence[float], shuffle: random.Random | None = None) -> t.Stopped | None:
    arriving = list(zip(of.first(len(scores)), scores, strict=True))
    if shuffle:
        shuffle.shuffle(arriving)
    return next((found for row, score in arriving if (found := of.take(row, score))), None)


def test_what_is_wrong_where_the_best_is_right_stops_at_the_first_look() -> None:
    found = run(race([1.0] * 120 + [0.0] * 40), [0.0] * 160)
    assert found == t.Stopped(after=20, of=160, against="the best", same=1.0, whole=0.75)


@pytest.mark.parametrize("scores", [[1.0] * 160, [0.5] * 160])
def test_what_is_as_good_or_better_is_answered_whole(scores: list[float]) -> None:
    assert run(race([0.5] * 160), scores) is None


@pytest.mark.parametrize("count", [1, 2, 5, 10])
def test_so_few_instances_show_nothing(count: int) -> None:
    """Of five instances no p-value is below a third of the error."""
    assert run(race([1.0] * count), [0.0] * count) is None


def test_the_order_of_arrival_changes_nothing() -> None:
    chance = random.Random(1)
    best, scores = ([float(chance.random() < share) for _ in range(160)] for share in (0.9, 0.5))
    found = {run(race(best), scores, random.Random(seed)) for seed in range(30)}
    assert len(found) == 1
    assert found != {None}


def test_of_probes_as_good_as_the_best_few_stop() -> None:
    chance, races = random.Random(7), 600
    stopped = 0
    for _ in range(races):
        best, scores = ([float(chance.random() < 0.6) for _ in range(80)] for _ in range(2))
        stopped += run(race(best), scores) is not None
    assert 0 < stopped <= races * ERROR


def test_answers_of_one_group_are_one_unit() -> None:
    groups = {name: "one document" for name, _ in rows(40)}
    assert run(race([1.0] * 40, groups=groups), [0.0] * 40) is None


def noisy_race(share: float, cases: int, repeats: int, *, singly: bool = True) -> Race:
    chance = random.Random(5)
    order = rows(cases, repeats)
    scores = {row: share + chance.gauss(0, 0.1) for row in order}
    return Race(Rival("the best", scores, sum(scores.values()) / len(scores)), order, {}, singly=singly)


@pytest.mark.parametrize(("score", "leaves"), [(0.0, True), (0.65, True), (0.88, False), (1.0, False)])
def test_only_what_may_be_the_best_is_repeated(score: float, leaves: bool) -> None:
    """One standard deviation of noise is 0.1, so the first repeat of four instances has an error of 0.05."""
    of = noisy_race(0.9, 4, 8)
    assert [repeat for _, repeat in of.first(5)] == [0, 0, 0, 0, 1]
    found = run(of, [score] * 4)
    assert (found is not None) == leaves
    if found:
        assert (found.after, found.of) == (4, 32)
        assert found.same == found.whole


def test_one_instance_contends_by_what_its_repeats_show_of_noise() -> None:
    assert run(noisy_race(0.9, 1, 8), [0.5]) is not None
    assert run(noisy_race(0.9, 1, 8), [0.85]) is None


def test_where_all_is_graded_at_the_end_there_is_one_look_after_the_first_repeat() -> None:
    found = run(noisy_race(0.9, 40, 2, singly=False), [0.0] * 40)
    assert found is not None
    assert found.after == 40


def test_noise_is_the_deviation_within_instances() -> None:
    assert noise({("a", 0): 1.0, ("b", 0): 0.0}) == 0
    assert noise({("a", 0): 1.0, ("a", 1): 3.0, ("b", 0): 7.0, ("b", 1): 7.0}) == pytest.approx(1.0)
