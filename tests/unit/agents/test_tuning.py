"""A proposal is tuned on its own tunables, whatever the run has probed before."""

from __future__ import annotations

import asyncio

import pytest

from engine.agents.protocol import MOST_TUNED, Proposal
from engine.agents.tuning import tune
from harness_repo.tunable import Tunable
from tests.searching import FakeLab, harness, view

BASE = harness({}, {})
MADE = harness({"depth": Tunable("int", low=0, high=9)}, {"depth": 1})


def proposal(count: int) -> Proposal:
    return Proposal(MADE, "a deeper tree.", "agent.py", tune=count)


def test_the_best_of_the_values_that_were_tried_is_the_candidate() -> None:
    lab = FakeLab(MADE, lambda params: float(params["depth"]) / 10)
    made = asyncio.run(tune(view(BASE), proposal(12), lab, first=3))
    best = max(lab.found, key=lambda probe: probe.score.score)
    assert made.harness.params == best.params
    assert made.harness.params["depth"] > 1
    assert made.reason.startswith("a deeper tree. Tuned: depth 1 → ")
    assert [one.ordinal for one in lab.asked] == list(range(3, 3 + len(lab.asked)))
    assert len(lab.asked) <= 12


def test_where_the_proposal_is_the_best_its_values_stay() -> None:
    lab = FakeLab(MADE, lambda params: 1 - abs(float(params["depth"]) - 1) / 10)
    assert asyncio.run(tune(view(BASE), proposal(8), lab, first=0)).harness == MADE


@pytest.mark.parametrize("lab", [FakeLab(MADE, lambda params: -1.0), FakeLab(MADE, lambda params: 0.5, limit=0)])
def test_where_nothing_runs_or_can_be_paid_the_proposal_stays_as_it_is(lab: FakeLab) -> None:
    made = asyncio.run(tune(view(BASE), proposal(MOST_TUNED), lab, first=0))
    assert made.harness == MADE
    assert "not tuned: no new proposal ran" in made.reason
