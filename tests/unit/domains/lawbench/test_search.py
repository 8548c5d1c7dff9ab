"""LawBench's tools find similar training cases and names of charges, and know no other case."""

from __future__ import annotations

from typing import Any

import pytest

from domains.contract import Instance, ToolRefused
from domains.lawbench.data import Case, Cases
from domains.lawbench.domain import LawBench
from domains.lawbench.search import LETTERS, tools
from domains.lawbench.split import Cut
from engine.evaluation.domain_tools import fault
from engine.grading.toolbox import Toolbox
from tests.unit.domains.lawbench.conftest import TELLING


def use(name: str, train: list[Instance], **arguments: Any) -> Any:
    (tool,) = [one for one in tools(train, sorted(TELLING)) if one.name == name]
    return tool.run("the facts of the case", **arguments)


def test_similar_cases_come_first_with_their_charge(instances: list[Instance]) -> None:
    found = use("search_cases", instances, query="被告人用打火机点燃柴草", count=3)
    assert [one["charge"] for one in found] == ["放火"] * 3
    assert found[0]["likeness"] >= found[1]["likeness"] >= found[2]["likeness"] > 0.1
    assert all(len(one["facts"]) <= LETTERS for one in found)


def test_names_of_charges_are_found_by_their_parts(instances: list[Instance]) -> None:
    assert use("search_charges", instances, query="私藏枪支", count=1) == ["非法[持有、私藏][枪支、弹药]"]
    assert len(use("search_charges", instances, query="枪")) == 5


def test_without_training_cases_there_is_nothing_to_search() -> None:
    with pytest.raises(ToolRefused, match="no training cases"):
        use("search_cases", [], query="枪")


def test_the_domain_searches_nothing_but_what_it_is_given(cases: list[Case], instances: list[Instance]) -> None:
    val = [case.id for case in cases[:30]]
    domain = LawBench(Cases(train=tuple(cases), test=tuple(cases[-5:]), charges=frozenset(TELLING)), Cut(val, [], []))
    box = Toolbox(domain)
    box.learn("some", instances[60:70])
    known = {item.data[:LETTERS] for item in instances[60:70]}
    for case in cases:
        found = box.use("some", "search_cases", {"query": case.facts, "count": 10}, "")["result"]
        assert {one["facts"] for one in found} <= known


def test_arguments_are_bounded() -> None:
    (first, _) = tools([], sorted(TELLING))
    assert fault(first, {"query": "枪", "count": 11}) == "the argument 'count' of search_cases lies between 1 and 10"  # type: ignore[arg-type]
