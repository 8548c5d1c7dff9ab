"""Proposals from the archive: who is in it, what is crossed, and that nothing changes where there is none."""

from __future__ import annotations

import random
from collections.abc import Mapping

import pytest
from msgspec.structs import replace

from engine.agents.portfolio import archived, probed
from engine.agents.portfolio.rounds import COVERED, Portfolio
from engine.events import types as t
from harness_repo.harness import Harness
from harness_repo.tunable import Tunable, Value
from tests.searching import FakeLab, harness, improve, view

NUMBERS = ("a", "b", "c", "d")
SPACE = {
    "method": Tunable("choice", choices=["x", "y"], structural=True),
    "style": Tunable("choice", choices=["x", "y"], structural=True),
    **{name: Tunable("float", low=0.0, high=1.0) for name in NUMBERS},
}
START: dict[str, Value] = {"method": "x", "style": "x", **dict.fromkeys(NUMBERS, 0.5)}
LEFT, RIGHT = START | {"a": 0.1, "b": 0.1}, START | {"c": 0.9, "d": 0.9}


@pytest.fixture
def plain() -> Harness:
    return harness(SPACE, START)


def by_half(params: Mapping[str, Value]) -> dict[str, float]:
    """Two instances want `a` and `b` at 0.1, two others `c` and `d` at 0.9."""
    left = float(params["a"] == params["b"] == 0.1)
    right = float(params["c"] == params["d"] == 0.9)
    return {"1": left, "2": left, "3": right, "4": right}


def probe(params: Mapping[str, Value], why: str = "", ordinal: int = 0) -> t.ProbeFinished:
    scores = by_half(params).values()
    score = t.Score(sum(scores) / 4, 0.1, 4)
    return t.ProbeFinished(2, 0, ordinal, why, dict(params), "fold", score, 4, 0.0, 0.0, "", str(params))


def fill(count: int) -> list[t.ProbeFinished]:
    """Probes that cover the space, in which each choice was tried."""
    other = {"method": "y", "style": "y"}
    return [probe(START | other | {"a": 0.5 + n / 100}, "to cover the space") for n in range(count)]


def test_both_that_are_best_in_one_half_are_kept(plain: Harness) -> None:
    probes = [probe(START), probe(LEFT), probe(RIGHT)]
    kept = archived.kept(probes, [by_half(one.params) for one in probes])
    assert [(one.probe.params, one.best, one.ahead) for one in kept] == [(LEFT, 2, 0), (RIGHT, 2, 2)]
    refused = [probes[0], probes[1], replace(probes[2], refused=True)]
    assert archived.kept(refused, [by_half(one.params) for one in refused]) == []
    assert archived.kept(probes, [{}] * 3) == []
    assert archived.kept(probes, [{"1": one.score.score} for one in probes]) == []  # one instance: the best is the best


def test_where_two_changed_different_values_their_merge_has_both(plain: Harness) -> None:
    for seed in range(9):
        made = archived.merged(plain, LEFT, RIGHT, START, random.Random(seed))
        assert made == START | {"a": 0.1, "b": 0.1, "c": 0.9, "d": 0.9}


def test_structural_choices_in_which_both_differ_come_from_the_same_one(plain: Harness) -> None:
    one, other = START | {"method": "y"}, START | {"style": "y"}
    made = [archived.merged(plain, one, other, None, random.Random(seed)) for seed in range(30)]
    assert {(each["method"], each["style"]) for each in made} == {("y", "x"), ("x", "y")}
    assert archived.merged(plain, one, other, START, random.Random(1)) == START | {"method": "y", "style": "y"}


def test_the_merge_is_proposed_and_names_both(plain: Harness) -> None:
    probes = [probe(START), probe(LEFT, ordinal=4), probe(RIGHT, ordinal=7)]
    members = archived.kept(probes, [by_half(one.params) for one in probes])
    known = {probed.key(plain, one.params) for one in probes}
    made = [archived.propose(plain, members, probes, known, random.Random(seed)) for seed in range(20)]
    crossed = [params for params, why in filter(None, made) if "two crossed" in why]
    assert START | {"a": 0.1, "b": 0.1, "c": 0.9, "d": 0.9} in crossed
    whys = {why for _, why in filter(None, made)}
    assert (
        "of the archive, two crossed: probe 7 after generation 2, best on 2 of 4, "
        "and probe 4 after generation 2, best on 2 of 4"
    ) in whys
    assert any(why.startswith("of the archive, one varied: probe 7 after generation 2") for why in whys)
    assert not known & {probed.key(plain, params) for params in crossed}


def test_the_archive_is_one_of_the_members_and_gets_more_places_where_it_pays(plain: Harness) -> None:
    known = [probe(START), probe(LEFT), probe(RIGHT), *fill(COVERED)]

    def share(probes: list[t.ProbeFinished]) -> float:
        scores = [by_half(one.params) for one in probes]
        rounds = [Portfolio().round(plain, probes, seed, first=0, left=4, scores=scores) for seed in range(25)]
        again = Portfolio().round(plain, probes, 0, first=0, left=4, scores=scores)
        assert rounds[0] == again
        whys = [ask.why for asked in rounds for ask in asked]
        return sum(why.startswith(archived.MEMBER) for why in whys) / len(whys)

    lost = [probe(START | {"b": n / 100}, f"{archived.MEMBER}, two crossed: this and that") for n in range(20)]
    assert share([*known, *lost]) < 0.1 < share(known)


def test_without_scores_by_instance_a_round_is_as_it_was(plain: Harness) -> None:
    known = [probe(START), probe(LEFT), probe(RIGHT), *fill(COVERED)]
    asked = Portfolio().round(plain, known, 3, first=0, left=4)
    assert asked == Portfolio().round(plain, known, 3, first=0, left=4, scores=[{}] * len(known))
    assert not [ask for ask in asked if ask.why.startswith(archived.MEMBER)]


def test_the_search_agent_asks_its_lab_for_the_scores(plain: Harness) -> None:
    def mean(params: Mapping[str, Value]) -> float:
        return sum(by_half(params).values()) / 4

    known = [probe(START), probe(LEFT), probe(RIGHT), *fill(COVERED)]
    lab = FakeLab(plain, mean)
    lab.by_instance = by_half
    for seed in range(6):
        improve(view(plain, seen=known, seed=seed), lab)
    assert any(ask.why.startswith(archived.MEMBER) for ask in lab.asked)
