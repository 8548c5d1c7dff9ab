"""The search agent: covers what was declared, asks nothing twice, and proposes what may be better."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace

from engine.agents.protocol import NoProposal, Proposal
from engine.agents.search import SearchAgent
from engine.events import types as t
from harness_repo.harness import Harness
from harness_repo.tunable import Tunable, Value
from tests.agent_tools import FakeTools
from tests.searching import FakeLab, harness, improve, view

METHOD = Tunable("choice", choices=["a", "b", "c"], structural=True)
STYLE = Tunable("choice", choices=["plain", "rich"], structural=True)
DEPTH = Tunable("int", low=0, high=20)
RATE = Tunable("float", low=0.001, high=10.0, log=True, when={"method": ["b"]})
START: dict[str, Value] = {"method": "a", "style": "plain", "depth": 10, "rate": 1.0}


@pytest.fixture
def plain() -> Harness:
    return harness({"method": METHOD, "style": STYLE, "depth": DEPTH, "rate": RATE}, START)


def formula(params: object) -> float:
    assert isinstance(params, dict)
    return (0.5 if params["method"] == "b" else 0.2) + params["depth"] / 100


def test_the_incumbent_and_every_untried_structural_choice_come_first(plain: Harness) -> None:
    lab = FakeLab(plain, formula)
    improve(view(plain), lab)
    first = [ask.params for ask in lab.asked[:4]]
    assert first == [START, START | {"method": "b"}, START | {"method": "c"}, START | {"style": "rich"}]
    assert len(lab.asked) > 4


def test_a_choice_that_was_tried_is_not_covered_again(plain: Harness) -> None:
    lab = FakeLab(plain, formula)
    improve(view(plain), lab)
    again = FakeLab(plain, formula)
    improve(view(plain, seen=lab.found), again)
    assert not [ask for ask in again.asked if "structural" in ask.why or "incumbent" in ask.why]


def test_nothing_is_asked_twice(plain: Harness) -> None:
    lab = FakeLab(plain, lambda params: len(lab.found) / 100)  # always something better, so the search goes on
    improve(view(plain), lab)
    keys = [tuple((name, ask.params[name]) for name in plain.active(ask.params)) for ask in lab.asked]
    assert len(keys) == len(set(keys)) == 12
    assert [ask.ordinal for ask in lab.asked] == list(range(12))


@pytest.mark.parametrize("probes", [0, 1, 3, 5, 12])
def test_the_number_of_probes_is_respected(plain: Harness, probes: int) -> None:
    lab = FakeLab(plain, lambda params: len(lab.found) / 100)
    improve(view(plain, probes=probes), lab)
    assert len(lab.asked) == probes


@pytest.mark.parametrize("limit", [0, 2, 5])
def test_it_stops_where_the_budget_ends(plain: Harness, limit: int) -> None:
    lab = FakeLab(plain, lambda params: 0.5 - len(lab.found) / 100, limit)
    made = improve(view(plain), lab)
    assert len(lab.found) == limit
    assert len(lab.asked) <= limit + 4
    if isinstance(made, NoProposal):
        assert "the budget of evaluations allowed no more probes" in made.reason


def test_it_stops_where_a_round_brings_nothing_better(plain: Harness) -> None:
    lab = FakeLab(plain, lambda params: 0.5)
    improve(view(plain, probes=40), lab)
    assert len(lab.asked) <= 4 + 4 + 4  # structures, what covers the space, and one round


def test_the_same_view_gives_the_same_asks(plain: Harness) -> None:
    labs = [FakeLab(plain, formula) for _ in range(2)]
    made = [improve(view(plain), lab) for lab in labs]
    assert labs[0].asked == labs[1].asked
    assert made[0] == made[1]
    other = FakeLab(plain, formula)
    improve(view(plain, seed=8), other)
    assert other.asked != labs[0].asked


def test_what_it_proposes_is_the_best_that_no_generation_has_executed(plain: Harness) -> None:
    lab = FakeLab(plain, formula)
    made = improve(view(plain), lab)
    assert isinstance(made, Proposal)
    best = max(lab.found, key=lambda probe: probe.score.score)
    assert made.harness.params == best.params
    assert made.changed.startswith("method a → b")
    following = FakeLab(plain, formula)
    second = improve(view(plain, past=[made.harness]), following)
    assert isinstance(second, Proposal)
    assert second.harness.params != made.harness.params


def test_what_is_clearly_below_the_incumbents_probe_is_not_proposed(plain: Harness) -> None:
    worse = FakeLab(plain, lambda params: 0.9 if params == START else 0.5, se=0.1)
    made = improve(view(plain), worse)
    assert isinstance(made, NoProposal)
    assert "0.9000" in made.reason
    near = FakeLab(plain, lambda params: 0.9 if params == START else 0.85, se=0.1)
    assert isinstance(improve(view(plain), near), Proposal)


def test_of_what_the_fold_cannot_tell_apart_the_structure_executed_least_is_proposed() -> None:
    start: dict[str, Value] = {"method": "a", "depth": 10}
    plain = harness({"method": METHOD, "depth": DEPTH}, start)

    def close(params: object) -> float:
        assert isinstance(params, dict)
        return {"a": 0.2, "b": 0.80, "c": 0.79}[params["method"]]

    first = improve(view(plain), FakeLab(plain, close, se=0.02))
    assert isinstance(first, Proposal) and first.harness.params["method"] == "b"
    second = improve(view(first.harness, past=[plain]), FakeLab(plain, close, se=0.02))
    assert isinstance(second, Proposal) and second.harness.params["method"] == "c"
    sure = improve(view(first.harness, past=[plain]), FakeLab(plain, close, se=0.001))
    assert isinstance(sure, Proposal) and sure.harness.params["method"] == "b"


def test_what_a_person_declined_is_not_proposed_again(plain: Harness) -> None:
    first = improve(view(plain), FakeLab(plain, formula))
    assert isinstance(first, Proposal)
    second = improve(replace(view(plain), declined=[first.harness.params]), FakeLab(plain, formula))
    assert isinstance(second, Proposal)
    assert second.harness.params != first.harness.params


def test_what_failed_is_not_proposed(plain: Harness) -> None:
    made = improve(view(plain), FakeLab(plain, lambda params: 0.5 if params == START else -1.0))
    assert made == NoProposal("no new proposal ran without a failure")


@pytest.mark.parametrize("best", ["a", "b"])
def test_a_conditional_tunable_is_varied_only_where_it_has_an_effect(plain: Harness, best: str) -> None:
    lab = FakeLab(plain, lambda params: (0.5 if params["method"] == best else 0.1) + len(lab.found) / 1000)
    improve(view(plain, probes=24), lab)
    assert "drawn by TPE" in {ask.why for ask in lab.asked}
    assert all(ask.params["rate"] == 1.0 for ask in lab.asked if ask.params["method"] != "b")
    assert best == "a" or any(ask.params["rate"] != 1.0 for ask in lab.asked)


def test_probes_that_differ_without_effect_are_the_same_proposal(plain: Harness) -> None:
    lab = FakeLab(plain, formula)
    improve(view(plain), lab)
    idle = [
        replace(probe, params=probe.params | ({"rate": 5.0} if probe.params["method"] != "b" else {}))
        for probe in lab.found
    ]
    again, other = FakeLab(plain, formula), FakeLab(plain, formula)
    improve(view(plain, seen=lab.found), again)
    improve(view(plain, seen=idle), other)
    assert not [ask for ask in other.asked if ask.why.startswith(("the incumbent", "structural"))]


def test_probes_of_an_edited_harness_are_left_aside(plain: Harness) -> None:
    lab = FakeLab(plain, formula)
    improve(view(plain), lab)
    edited = harness({"method": METHOD, "depth": Tunable("int", low=9, high=11)}, {"method": "a", "depth": 10})
    following = FakeLab(edited, formula)
    improve(view(edited, seen=lab.found), following)
    assert all(9 <= ask.params["depth"] <= 11 for ask in following.asked)  # type: ignore[operator]


def test_a_harness_without_tunables_is_not_searched() -> None:
    bare = harness({}, {})
    lab = FakeLab(bare, lambda params: 0.5)
    made = improve(view(bare), lab)
    assert isinstance(made, NoProposal)
    assert "no tunables" in made.reason
    assert lab.asked == []


def test_the_analysis_says_what_was_seen_and_what_comes(plain: Harness) -> None:
    failed = t.InstanceFinished("h", "train", "i", 0, 1, "p", 0.0, failure=t.Failure("candidate", "no"))
    analysis = asyncio.run(SearchAgent().analyse(replace(view(plain), train=[failed]), FakeTools()))
    assert "generation 1 scored 0.5000 ± 0.1000 on val (first)" in analysis.findings
    assert "1 failed" in analysis.findings
    assert "try each of 3 untried structural choices" in analysis.reason
    assert (analysis.lever, analysis.evidence) == ("harness", [3])


def test_what_fails_the_private_check_is_neither_proposed_nor_built_upon(plain: Harness) -> None:
    lab = FakeLab(plain, formula)
    lab.refuses = lambda params: params["method"] == "b"  # the best by far
    made = improve(view(plain), lab)
    assert isinstance(made, Proposal)
    assert made.harness.params["method"] != "b"
    assert not [ask for ask in lab.asked[4:] if "variation" in ask.why and ask.params["method"] == "b"]
    lab.refuses = lambda params: True
    nothing = improve(view(plain), lab)
    assert isinstance(nothing, NoProposal)
    assert "private check" in nothing.reason


def test_an_incumbent_that_fails_the_private_check_is_no_bar(plain: Harness) -> None:
    lab = FakeLab(plain, lambda params: 0.9 if params == START else 0.1)
    lab.refuses = lambda params: params == START
    assert isinstance(improve(view(plain), lab), Proposal)


def test_the_search_goes_on_for_as_many_idle_rounds_as_the_harness_has_patience(plain: Harness) -> None:
    asked = []
    for patience in (1, 3):
        patient = replace(plain, manifest=replace(plain.manifest, patience=patience))
        lab = FakeLab(plain, lambda params: 0.5)
        improve(view(patient, probes=40), lab)
        asked.append(len(lab.asked))
    assert asked[1] == asked[0] + 2 * 4
