"""What failed repeatedly is not proposed again close by, and what lies beside it still is."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from msgspec.structs import replace

from engine.agents.portfolio.avoided import Avoided
from engine.agents.portfolio.rounds import Portfolio
from engine.events import types as t
from engine.failure import FailureKind
from harness_repo.harness import Harness
from harness_repo.tunable import Tunable, Value
from tests.searching import harness

SPACE = {
    "method": Tunable("choice", choices=["a", "b", "c"]),
    "x": Tunable("float", low=-1.0, high=1.0),
    "y": Tunable("float", low=-1.0, high=1.0),
}
START: dict[str, Value] = {"method": "a", "x": 0.5, "y": 0.0}


@pytest.fixture
def plain() -> Harness:
    return harness(SPACE, START)


def probe(failed: str = "", *, kind: FailureKind = "candidate", **changes: Value) -> t.ProbeFinished:
    failure = t.Failure(kind, failed) if failed else None
    score = t.Score(0.5, 0.0, 1)
    return t.ProbeFinished(1, 0, 0, "", START | changes, "fold", score, 1, 0.0, 0.0, "", failure=failure)


def test_one_failure_rules_nothing_out(plain: Harness) -> None:
    assert START | {"x": -0.5} not in Avoided(plain, [probe("it raised", x=-0.5)])


def test_what_failed_twice_is_avoided_close_by_and_nowhere_else(plain: Harness) -> None:
    avoided = Avoided(plain, [probe("it raised", x=-0.5), probe("it timed out", x=-0.55)])
    assert START | {"x": -0.45} in avoided
    assert START | {"x": -0.45, "y": 0.5} not in avoided
    assert START | {"x": -0.45, "method": "b"} not in avoided
    assert START | {"x": 0.0} not in avoided


def test_a_place_where_something_ran_is_open(plain: Harness) -> None:
    failed = [probe("it raised", x=-0.5), probe("it raised", x=-0.55)]
    assert START | {"x": -0.45} not in Avoided(plain, [*failed, probe(x=-0.4)])


def test_a_choice_that_always_failed_is_avoided_until_it_runs(plain: Harness) -> None:
    failed = [probe("no such method", method="b", x=-0.9), probe("no such method", method="b", x=0.9)]
    assert {"method": "b", "x": 0.0} in Avoided(plain, failed)
    assert {"method": "c", "x": 0.0} not in Avoided(plain, failed)
    assert {"method": "b", "x": 0.0} not in Avoided(plain, [*failed, probe(method="b", x=-0.1)])


def test_what_the_private_check_refused_counts_and_a_broken_machine_does_not(plain: Harness) -> None:
    refused = [replace(probe(x=at), refused=True) for at in (-0.5, -0.55)]
    assert START | {"x": -0.45} in Avoided(plain, refused)
    broke = [probe("lost", kind="infrastructure", x=-0.5), probe("lost", kind="verifier", x=-0.55)]
    assert START | {"x": -0.45} not in Avoided(plain, broke)


def test_the_own_values_are_never_avoided(plain: Harness) -> None:
    assert START not in Avoided(plain, [probe("it raised"), probe("it raised", x=0.49)])


def test_no_member_proposes_what_always_failed(plain: Harness) -> None:
    """Each member does, where failures are not avoided: TPE and variations know of no failure but by its score."""

    def fails(params: Mapping[str, Value]) -> bool:
        return params["method"] == "b"

    portfolio, probes = Portfolio(), list[t.ProbeFinished]()
    for number in range(25):
        for one in portfolio.round(plain, probes, number, first=len(probes), left=4):
            made = replace(probe("it raised" if fails(one.params) else ""), params=dict(one.params), why=one.why)
            probes.append(replace(made, score=t.Score(1 - abs(float(one.params["x"])), 0.0, 1)))
    assert sum(fails(one.params) for one in probes) < 6
    late = [one for one in probes[12:] if fails(one.params)]
    assert len(late) <= 1
