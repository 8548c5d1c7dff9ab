"""Runs side by side: pairs exist only where both candidates met the same instance under the same seed."""

from __future__ import annotations

import random
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace

from engine.core.gate import p_value
from engine.events import types as t
from engine.queries.compare import Side, compare, side, two_sided
from tests.histories import Memory, Play, Skill, rising, settings, started


def read(log: Memory) -> Side:
    return side(log, SimpleNamespace(run=log.run), "finished")  # type: ignore[arg-type]


def played(first: t.RunStarted | None = None, skill: Skill = rising) -> Side:
    log = Memory()
    Play(log, first or started(), skill=skill).to_rest()
    return read(log)


def pair(one: Side, other: Side) -> Any:
    return compare([one, other])["pairs"][0]


def test_best_candidates_are_paired_unit_by_unit() -> None:
    # of 12 the first run's best has the last 8 right, the second run's the first 10
    low = played(skill=lambda number, name: float(number > 1 and int(name.split("-")[1]) >= 4))
    high = played(skill=lambda number, name: float(number > 1 and int(name.split("-")[1]) < 10))
    found = pair(low, high)
    assert found["comparable"] and found["why"] == ""
    assert found["n"] == 12
    assert found["difference"] == pytest.approx(2 / 12)
    assert found["better_on"] == [f"val-{i}" for i in range(4)]
    assert found["worse_on"] == ["val-10", "val-11"]
    assert found["p"] == pytest.approx(2 * p_value([1.0] * 4 + [-1.0] * 2))
    turned = pair(high, low)
    assert (turned["difference"], turned["p"]) == (-found["difference"], found["p"])


def test_p_is_two_sided_and_never_more_than_one() -> None:
    assert two_sided([]) == two_sided([0.0, 0.0]) == two_sided([1.0, -1.0]) == 1.0
    differences = [random.Random(1).gauss(1, 1) for _ in range(12)]
    assert two_sided(differences) == two_sided([-d for d in differences]) == 2 * p_value(differences)


def test_other_evaluation_seeds_leave_nothing_to_pair() -> None:
    found = pair(played(), played(started(settings(seed=8))))
    assert not found["comparable"] and "evaluation seeds differ (8 and 7)" in found["why"]
    assert (found["n"], found["p"], found["better_on"]) == (0, 1.0, [])


def test_another_domain_or_another_state_of_it_leaves_nothing_to_pair() -> None:
    first = started()
    found = pair(played(), played(replace(first, domain=replace(first.domain, name="other"))))
    assert found["why"] == "the domains differ (other and toy)"
    found = pair(played(), played(replace(first, domain=replace(first.domain, digest="e" * 64))))
    assert "the domain toy changed between the two" in found["why"]


def test_a_run_without_results_has_nothing_to_pair() -> None:
    log = Memory()
    log.append([(0, started())])
    found = pair(read(log), played())
    assert "toy-1 has no candidate with results on val" in found["why"]
    assert compare([read(log), played()])["runs"][0]["best"] is None


def test_only_settings_that_differ_are_listed_with_all_their_values() -> None:
    runs = [played(), played(started(settings(gate=t.Gate(alpha=0.2)))), played(started(settings(probes=1)))]
    assert compare(runs)["settings"] == [
        {"key": "gate.alpha", "values": [0.01, 0.2, 0.01]},
        {"key": "probes", "values": [2, 2, 1]},
    ]


def test_a_noisy_runs_best_is_paired_on_all_that_it_was_ever_measured_on() -> None:
    noisy = started(settings(noisy=True, generations=2))
    assert len(played(noisy).trials) == 12
    assert pair(played(noisy), played(noisy))["n"] == 12


def test_the_facts_say_what_was_spent() -> None:
    spent = compare([played(), played()])["runs"][0]["spent"]
    assert spent["evaluations"] == 3 * (12 + 2) + 2 * 2 * 3
    assert spent["cpu_s"] == pytest.approx(2 * 2 * 0.1)
