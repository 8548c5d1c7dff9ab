"""What a domain's functions return: numbers of any library are taken, and the rest is refused in one sentence."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from domains.contract import DataInvalid, Grade, Instance
from engine import plain
from engine.grading import quoting, returned
from engine.grading.labels import facts

HALF = "\ud83d"


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (True, 1.0),
        (3, 3.0),
        (-0.0, 0.0),
        (5e-324, 5e-324),
        (Decimal("0.3"), 0.3),
        (Fraction(1, 4), 0.25),
        (np.float64(0.5), 0.5),
        (np.float16(0.5), 0.5),
        (np.longdouble(0.5), 0.5),
        (np.bool_(True), 1.0),
        (np.int64(2), 2.0),
        (np.array(0.5), 0.5),
        (np.array([0.5]), 0.5),
        (math.inf, math.inf),
        (10**400, math.inf),
        (Fraction(-(10**400), 3), -math.inf),
        (Decimal("1e400"), math.inf),
    ],
    ids=repr,
)
def test_a_number_of_any_kind_is_a_number(value: Any, number: float) -> None:
    found = plain.number(value)
    assert found == number and type(found) is float
    assert returned.grade(Grade(score=value, honest=value, measures={"m": value})) == Grade(
        score=number, honest=number, measures={"m": number}
    )


@pytest.mark.parametrize(
    "value",
    ["0.5", None, 1j, b"1", [0.5], {}, np.zeros(2), np.str_("0.5"), np.datetime64("2020-01-01"), object],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_number_is_not_made_one(value: Any) -> None:
    with pytest.raises(plain.NotPlain, match="a value of type"):
        plain.number(value)
    with pytest.raises(returned.WrongReturn, match=r"a Grade has in score a .*, which is not a number"):
        returned.grade(Grade(score=value))


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (0.5, "grade returned a value of type float, not a Grade"),
        (None, "grade returned a value of type NoneType, not a Grade"),
        ((0.5, {}), "grade returned a value of type tuple, not a Grade"),
        (Grade(0.5, measures=[1]), "the measures of a Grade are a value of type list, not a dict"),  # type: ignore[arg-type]
        (Grade(0.5, refused=True), "a Grade has in refused a value of type bool, which is not text"),  # type: ignore[arg-type]
        (Grade(0.5, measures={1: 2.0}), "a Grade has in measures a value of type int, which is not text"),  # type: ignore[dict-item]
    ],
)
def test_what_is_no_grade_is_told_by_its_type(value: Any, says: str) -> None:
    with pytest.raises(returned.WrongReturn) as refused:
        returned.grade(value)
    assert quoting.describe(refused.value, Path("/nowhere"), quoted=False) == says


def test_half_a_surrogate_in_a_text_costs_a_letter() -> None:
    found = returned.grade(Grade(0.5, detail=f"a{HALF}b", refused=HALF, measures={HALF: 1.0}))
    assert (found.detail, found.refused, found.measures) == ("a?b", "?", {"?": 1.0})


@pytest.mark.parametrize(
    ("items", "says"),
    [
        (None, "the instances of val are a value of type NoneType; make a list"),
        ([("a", 1)], "instance 1 of val is a value of type tuple; make it an Instance"),
        ([Instance("a", 1), Instance(2, 1)], "instance 2 of val has the id 2, which is not text; make it text"),  # type: ignore[arg-type]
        ([Instance("a", 1, group=3)], "instance 1 of val has a group of type int; make it text, or leave it out"),  # type: ignore[arg-type]
        ([Instance("a", 1, group=None)], "instance 1 of val has a group of type NoneType"),  # type: ignore[arg-type]
        ([Instance("a", 1, slice=3)], "instance 1 of val has a slice of type int; make it text, or leave it out"),  # type: ignore[arg-type]
        ([Instance("a", 1), Instance("b", 1), Instance("a", 2)], "two instances of val have the id 'a'; give each"),
        ([Instance(HALF, 1)], "instance 1 of val has an id with half of a surrogate pair"),
    ],
)
def test_instances_that_no_log_can_name_are_refused(items: Any, says: str) -> None:
    with pytest.raises(DataInvalid, match=says):
        returned.instances("val", items)


def test_instances_may_come_one_by_one() -> None:
    assert list(returned.instances("val", (Instance(name, 1) for name in "ab"))) == ["a", "b"]


@pytest.mark.parametrize(
    ("data", "says"),
    [(object(), "a value of type object is no plain data"), (10**30, "int"), (HALF, "half of a surrogate pair")],
    ids=["object", "10**30", "half"],
)
def test_data_that_cannot_be_passed_on_is_found_before_a_run(data: Any, says: str) -> None:
    with pytest.raises(DataInvalid, match=f"instance 'a' of val cannot be passed on: .*{says}"):
        returned.check_data("val", {"first": Instance("first", 1), "a": Instance("a", data)})
    with pytest.raises(DataInvalid, match=f"instance 'a' of val cannot be passed on: .*{says}"):
        returned.check_data("val", {"a": Instance("a", 1, label=data)})


def test_data_of_numpy_is_passed_on_and_checked_alike() -> None:
    """`sia check` refused what a run takes."""
    splits = {
        split: [Instance(np.str_(split), np.zeros(3), np.int64(1), group=np.str_("g"))]
        for split in ("train", "val", "test")
    }
    for split, items in splits.items():
        returned.check_data("val", returned.instances("val", items))
        assert facts.fingerprint(items), split
    assert facts.examine(splits, splits, {}).unstable == []  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (None, "baselines returned a value of type NoneType, not a dict of lists"),
        ([1, 2], "baselines returned a value of type list, not a dict of lists"),
        ({"b": 3}, "baselines returned something else than a list of answers"),
        ({"b": [1]}, "the baseline 'b' has 1 answers for 2 instances"),
    ],
)
def test_baselines_give_one_answer_for_each_instance(value: Any, says: str) -> None:
    with pytest.raises(returned.WrongReturn, match=says):
        returned.baselines(value, 2)


def test_a_digest_of_nothing_is_refused() -> None:
    with pytest.raises(returned.WrongReturn, match="digest returned nothing"):
        returned.digest(None)
