"""The reserve: which instances it holds, and that no call gives them out as `train`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from domains.contract import Instance
from engine.grading.process import Service
from engine.grading.reserve import choose, size
from tests.story import TOY


def instances(groups: Sequence[str]) -> list[Instance]:
    return [Instance(f"i{number}", number, group=group) for number, group in enumerate(groups)]


Groups = some.lists(some.sampled_from(["", "a", "b", "c", "d", "e"]), max_size=40)
Shares = some.floats(0, 0.99)


@settings(max_examples=30)
@given(Groups, Shares)
def test_a_reserve_is_no_larger_than_its_share_and_keeps_groups_together(groups: list[str], share: float) -> None:
    train = instances(groups)
    kept = choose(train, size(train, share))
    assert len(kept) == size(train, share) <= share * len(train)
    for group in filter(None, groups):
        assert len({item.id in kept for item in train if item.group == group}) == 1


@settings(max_examples=30)
@given(Groups, Shares, Shares, some.randoms())
def test_a_larger_reserve_holds_each_smaller_one_in_any_order(groups: list[str], a: float, b: float, any_: Any) -> None:
    train = instances(groups)
    small, large = (choose(train, size(train, share)) for share in sorted((a, b)))
    assert small <= large
    shuffled = list(train)
    any_.shuffle(shuffled)
    assert choose(shuffled, len(large)) == large


def service(reserve: int) -> Service:
    return Service(Path(TOY), None, None, lambda text, waits_s: None, reserve)


@pytest.mark.parametrize("reserve", [1, 30, 59])
def test_train_is_given_out_without_the_reserve_and_the_reserve_without_labels(reserve: int) -> None:
    domain, whole = service(reserve), service(0)
    kept, train = domain.instances("reserve"), domain.instances("train")
    assert len(kept) == reserve and {item.label for item in kept} == {None}
    assert {item.id for item in [*kept, *train]} == {item.id for item in whole.instances("train")}
    assert len(train) == 60 - reserve
    assert domain.grade("reserve", kept[0].id, "?").detail == "" and domain.grade("train", train[0].id, "?").detail
    with pytest.raises(KeyError):
        domain.grade("train", kept[0].id, "?")
    learnt = domain.labelled()  # for the sealed test
    assert {item.id for item in learnt} == {item.id for item in whole.labelled()}
    assert all(item.label is not None for item in learnt)


def test_a_baseline_learns_from_what_a_harness_may_learn_from(monkeypatch: pytest.MonkeyPatch) -> None:
    domain = service(30)
    learnt: list[int] = []

    def baselines(train: Sequence[Instance], on: Sequence[Instance]) -> dict[str, list[int]]:
        learnt.append(len(train))
        return {"always 0": [0 for _ in on]}

    monkeypatch.setattr(domain._open(), "baselines", baselines)
    domain.baseline_answers("val")
    domain.baseline_answers("test")
    assert learnt == [30, 60 + 80]


def test_without_a_reserve_everything_is_as_it_was() -> None:
    domain = service(0)
    assert domain.instances("reserve") == []
    assert [item.id for item in domain.instances("train")] == [f"train-{x}" for x in range(60)]
    assert domain.describe()["counts"] == {"train": 60, "val": 80, "test": 40}
    assert domain.describe(0.5)["counts"] == {"train": 30, "val": 80, "test": 40, "reserve": 30}
