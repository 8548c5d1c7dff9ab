"""The cut: stratified, free of near-duplicates across it, the same everywhere."""

import random
from collections import Counter

import pytest

from domains.lawbench import duplicates
from domains.lawbench.data import Case, Cases
from domains.lawbench.domain import LawBench
from domains.lawbench.split import Cut, choose_val, compute, load_recorded


def alone(cases: list[Case]) -> list[list[int]]:
    return [[position] for position in range(len(cases))]


def test_val_is_a_fifth_of_each_charge(cases: list[Case]) -> None:
    val = set(choose_val(cases, alone(cases)))
    per_charge = Counter(case.charge for case in cases if case.id in val)
    assert per_charge == dict.fromkeys(Counter(case.charge for case in cases), 4)


def test_a_charge_with_two_cases_stays_in_train(cases: list[Case]) -> None:
    rare = [*cases, Case("case-9998", "罕见之一", "洗钱"), Case("case-9999", "罕见之二", "洗钱")]
    assert not {"case-9998", "case-9999"} & set(choose_val(rare, alone(rare)))


def test_a_group_is_never_torn(cases: list[Case]) -> None:
    grouped = [[start, start + 1, start + 2] for start in range(0, 99, 3)] + [[99]]
    val = set(choose_val(cases, grouped))
    assert val
    for group in grouped:
        assert len({cases[member].id in val for member in group}) == 1


def test_the_cut_does_not_depend_on_the_order_of_the_groups(cases: list[Case]) -> None:
    shuffled = alone(cases)
    random.Random(1).shuffle(shuffled)
    assert choose_val(cases, shuffled) == choose_val(cases, alone(cases))


def test_near_duplicates_are_found_and_others_are_not() -> None:
    text = "".join(chr(0x4E00 + number) for number in range(300))
    edited, other = text[:140] + "改动" + text[142:], "".join(chr(0x6E00 + number) for number in range(300))
    assert list(duplicates.pairs([text, other, edited, text])) == [(0, 2), (0, 3), (2, 3)]


def test_similarity_below_the_threshold_does_not_count() -> None:
    shared = "".join(chr(0x4E00 + number) for number in range(100))
    rest = ["".join(chr(start + number) for number in range(120)) for start in (0x5E00, 0x6E00)]
    assert list(duplicates.pairs([shared + rest[0], shared + rest[1]])) == []
    assert list(duplicates.pairs([shared + rest[0][:20], shared + rest[1][:20]])) == [(0, 1)]


def test_groups_are_the_connected_components() -> None:
    assert duplicates.groups(6, [(0, 3), (3, 5), (1, 2)]) == [[0, 3, 5], [1, 2], [4]]


@pytest.mark.lawbench
def test_the_splits_are_disjoint_and_lose_no_case(lawbench: LawBench, published: Cases) -> None:
    ids = [instance.id for split in ("train", "val", "test") for instance in lawbench.instances(split)]
    assert len(ids) == len(set(ids)) == len(published.train) + len(published.test)
    assert sorted(ids) == sorted(case.id for case in [*published.train, *published.test])


@pytest.mark.lawbench
def test_every_charge_can_be_learnt_and_val_is_stratified(lawbench: LawBench, published: Cases) -> None:
    total = Counter(case.charge for case in published.train)
    val = Counter(instance.label for instance in lawbench.instances("val"))
    assert {instance.label for instance in lawbench.instances("train")} == published.charges
    assert all(abs(val[charge] - count / 5) <= 1 for charge, count in total.items())


@pytest.mark.lawbench
def test_equal_texts_are_on_one_side(lawbench: LawBench) -> None:
    train, val = ({instance.data for instance in lawbench.instances(split)} for split in ("train", "val"))
    assert not train & val


@pytest.mark.lawbench
def test_the_digest_tells_the_instances_and_the_cut(lawbench: LawBench, published: Cases) -> None:
    cut = load_recorded()
    moved = Cut(cut.val[1:], cut.test_exact, cut.test_near)
    relabelled = published._replace(train=(published.train[0]._replace(charge="盗窃"), *published.train[1:]))
    digests = {lawbench.digest(), LawBench(published, moved).digest(), LawBench(relabelled, cut).digest()}
    assert len(digests) == 3
    assert LawBench(published, cut).digest() == lawbench.digest()


@pytest.mark.slow
@pytest.mark.lawbench
def test_the_recorded_cut_is_what_its_rules_give(published: Cases) -> None:
    assert compute(published) == load_recorded()
