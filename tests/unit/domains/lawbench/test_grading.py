"""Grades, macro-F1, subsets and baselines."""

from collections import Counter
from typing import Any

import pytest

from domains.contract import Grade, Graded, Instance
from domains.lawbench.baseline import baselines
from domains.lawbench.charges import forms, mentions
from domains.lawbench.data import Case, Cases
from domains.lawbench.domain import LawBench
from domains.lawbench.report import macro_f1, summarise
from domains.lawbench.split import Cut

CUT = Cut(val=[], test_exact=["test-0001"], test_near=["test-0001", "test-0002"])


@pytest.fixture
def domain(cases: list[Case]) -> LawBench:
    return LawBench(Cases(tuple(cases), (), frozenset(case.charge for case in cases)), CUT)


@pytest.mark.parametrize(
    ("answer", "score"),
    [("盗窃", 1.0), ("盗窃罪", 0.0), (" 盗窃", 0.0), ("放火", 0.0), ("", 0.0), (None, 0.0), (["盗窃"], 0.0), (7, 0.0)],
)
def test_only_the_exact_charge_scores(domain: LawBench, answer: Any, score: float) -> None:
    grade = domain.grade(Instance("case-0000", "窃得现金", "盗窃"), answer)
    assert grade.score == score
    assert "expected" in grade.detail
    assert score or "盗窃" in grade.detail


def test_an_answer_that_is_no_charge_is_told_as_such(domain: LawBench) -> None:
    case = Instance("case-0000", "窃得现金", "盗窃")
    assert "none of the 191" in domain.grade(case, "偷东西").detail
    assert "none of the 191" not in domain.grade(case, "放火").detail
    assert "int" in domain.grade(case, 7).detail


def test_a_bracket_stands_for_one_alternative_or_all() -> None:
    assert set(forms("[生产、销售]假药")) == {"生产假药", "销售假药", "生产、销售假药"}
    assert len(forms("非法[持有、私藏][枪支、弹药]")) == 9
    assert forms("盗窃") == ("盗窃",)


def test_a_charge_is_named_where_a_form_of_it_stands_in_the_text() -> None:
    assert mentions("其行为构成非法持有枪支罪", "非法[持有、私藏][枪支、弹药]")
    assert not mentions("其行为构成××罪，持有枪支", "非法[持有、私藏][枪支、弹药]")


def test_macro_f1_weighs_charges_alike() -> None:
    # 盗窃: precision 2/3, recall 1; 放火: precision 1, recall 1/2; 重婚 never: 0.
    pairs = [("盗窃", "盗窃"), ("盗窃", "盗窃"), ("放火", "盗窃"), ("放火", "放火"), ("重婚", None)]
    assert macro_f1(pairs) == pytest.approx((0.8 + 2 / 3 + 0) / 3)
    assert macro_f1([]) is None


def test_subsets_leave_out_what_is_known_or_named() -> None:
    facts = ["构成销售假药罪", "窃得现金", "窃得手机", "扒窃钱包"]
    charges = ["[生产、销售]假药", "盗窃", "盗窃", "盗窃"]
    graded = [
        Graded(Instance(f"test-{number:04d}", text, charge), charge, Grade(1.0))
        for number, (text, charge) in enumerate(zip(facts, charges, strict=True))
    ]
    assert summarise("test", graded, CUT).subsets == {
        "without exact duplicates of train": ["test-0000", "test-0002", "test-0003"],
        "without near-duplicates of train": ["test-0000", "test-0003"],
        "charge not named in the text": ["test-0001", "test-0002", "test-0003"],
    }
    assert set(summarise("val", graded, CUT).subsets) == {"charge not named in the text"}


def test_baselines_answer_each_case_and_learn(instances: list[Instance]) -> None:
    train, on = instances[::2], instances[1::2]
    given = baselines(train, on)
    right = {
        name: sum(answer == instance.label for answer, instance in zip(answers, on, strict=True))
        for name, answers in given.items()
    }
    assert right["majority class"] == len(on) / 5
    assert right["char 1-3 TF-IDF + LinearSVC"] > 0.9 * len(on)


def test_baselines_do_not_depend_on_the_labels_of_what_they_answer(instances: list[Instance]) -> None:
    train, on = instances[::2], instances[1::2]
    hidden = [Instance(instance.id, instance.data) for instance in on]
    blind, seeing = baselines(train, hidden), baselines(train, on)
    assert {name: list(given) for name, given in blind.items()} == {name: list(one) for name, one in seeing.items()}


@pytest.mark.lawbench
def test_the_subsets_of_the_test_split_hold_what_they_say(lawbench: LawBench, published: Cases) -> None:
    test = lawbench.instances("test")
    subsets = lawbench.summarise("test", [Graded(case, None, Grade(0.0)) for case in test]).subsets
    known = {case.facts for case in published.train}
    new = set(subsets["without exact duplicates of train"])
    assert {case.id for case in test if case.data in known} == {case.id for case in test} - new
    assert set(subsets["without near-duplicates of train"]) < new
    counted = Counter(mentions(case.data, case.label) for case in test)
    assert len(subsets["charge not named in the text"]) == counted[False] < len(test)
