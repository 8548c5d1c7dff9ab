"""The recorded outcomes under another rule of the gate, up to where another incumbent would have made others."""

from __future__ import annotations

import pytest

from engine.errors import SiaError
from engine.events import types as t
from engine.queries.what_if import WhatIf, parse_rule, what_if
from tests.histories import Memory, Play, Skill, settings, started

LAX = {"alpha": 0.05, "run_alpha": 0.2}


def first_right(counts: list[int]) -> Skill:
    """Version n answers the first counts[n - 1] of val."""
    return lambda number, instance: float(int(instance.split("-")[1]) < counts[number - 1])


def played(counts: list[int], **changes: object) -> tuple[Memory, t.Settings]:
    log, chosen = Memory(), settings(generations=len(counts), **changes)
    Play(log, started(chosen), skill=first_right(counts)).to_rest()
    return log, chosen


def judged(log: Memory, rule: dict[str, float]) -> WhatIf:
    return what_if(log.history(log.run), rule)


def test_the_recorded_rule_gives_the_recorded_verdicts() -> None:
    log, chosen = played([2, 12, 1, 12])
    found = judged(log, {"alpha": chosen.gate.alpha})
    assert [row.what_if for row in found.generations] == [row.recorded for row in found.generations]
    assert (found.differs_at, found.parts_at) == (None, None)
    assert found.summary == "every verdict would have been the same"
    assert found.incumbent == found.what_if_incumbent == 2


def test_a_laxer_rule_accepts_and_the_outcomes_run_out_after_it() -> None:
    log, _ = played([2, 7, 3, 12])  # five fixed and none broken: p = 1/32
    found = judged(log, LAX)
    assert [row.recorded.accepted for row in found.generations] == [True, False, False, True]
    assert [row.what_if and row.what_if.accepted for row in found.generations] == [True, True, None, None]
    assert (found.differs_at, found.parts_at, found.what_if_incumbent) == (2, 3, 2)
    assert "generation 2 would have been accepted" in found.summary
    assert "from generation 3 on the run would have differed" in found.summary


def test_a_stricter_rule_rejects_and_the_outcomes_run_out_after_it() -> None:
    log, _ = played([2, 12, 12])
    found = judged(log, {"alpha": 0.0001})
    assert [row.what_if and row.what_if.accepted for row in found.generations] == [True, False, None]
    assert (found.differs_at, found.parts_at, found.what_if_incumbent) == (2, 3, 1)


def test_another_verdict_on_the_last_candidate_changes_the_best_alone() -> None:
    log, _ = played([2, 12, 12, 7])
    found = judged(log, {"minimum_effect": 0.9})
    assert (found.differs_at, found.parts_at) == (2, 3)
    log, _ = played([0, 0, 12])
    found = judged(log, {"alpha": 0.00001})
    assert (found.differs_at, found.parts_at, found.incumbent, found.what_if_incumbent) == (3, None, 3, 1)
    assert "the best would be generation 1 instead of generation 3" in found.summary


def test_alpha_alone_may_change_nothing_and_the_levels_say_so() -> None:
    log, _ = played([2, 7, 3], gate=t.Gate(alpha=0.01, run_alpha=0.02))
    found = judged(log, {"alpha": 0.9})
    assert found.level == found.what_if_level == pytest.approx(0.01)


def test_a_branch_names_the_incumbent_whatever_the_rule() -> None:
    log, _ = played([2, 3, 12])
    at = next(e.n for e in log.events if e.type == t.GateDecided.type and e.generation == 2)
    log.events = log.events[:at]
    log.append([(2, t.RunForked("other", log.run, at, branch=2))])
    Play(log, skill=first_right([2, 3, 12]), history=log.events).to_rest()
    found = judged(log, {"alpha": 0.001})
    assert [(row.n, row.recorded.accepted) for row in found.generations] == [(1, True), (2, False), (3, True)]
    last = found.generations[2]
    assert last.what_if and (last.what_if.against, last.what_if.accepted) == (2, False)
    assert (found.differs_at, found.parts_at, found.what_if_incumbent) == (3, None, 2)


def test_a_noisy_domain_is_judged_on_each_generations_own_pairs() -> None:
    log, chosen = played([2, 12, 12], noisy=True)
    found = judged(log, {"alpha": chosen.gate.alpha})
    assert [row.what_if for row in found.generations] == [row.recorded for row in found.generations]


@pytest.mark.parametrize("bad", ["alpha=.05", "gate.beta=1", "gate.alpha", "gate.alpha=x", "gate.alpha=1", "seed=3"])
def test_what_is_no_rule_of_the_gate_is_refused(bad: str) -> None:
    with pytest.raises(SiaError):
        parse_rule([bad])


def test_rules_add_up() -> None:
    assert parse_rule(["gate.alpha=.05", "gate.minimum_effect=-1"]) == {"alpha": 0.05, "minimum_effect": -1.0}
