"""Scores that were timed beside others' work: since rules 5 the gate accepts nothing by them, and says why."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from engine.core import gate
from engine.core.replay import verify
from engine.events import types as t
from engine.queries.what_if import what_if
from engine.steps.ladder import told
from tests.histories import Memory, Play, settings, started

BUSY = "others used 58% of the processors"
RULE = t.Gate(minimum_effect=0.03)
CANDIDATE, INCUMBENT = (
    {(f"val-{number}", 0): score + 0.001 * number for number in range(10)} for score in (4.59, 3.07)
)


def judged(rules: int, *disturbed: str, **checks: bool) -> t.GateDecided:
    return gate.compare(
        CANDIDATE,
        INCUMBENT,
        against=1,
        gate=RULE,
        generations=2,
        noisy=True,
        rules=rules,
        disturbed=disturbed,
        **checks,
    )


def test_a_gain_in_all_pairs_that_is_the_machines_is_not_accepted() -> None:
    assert judged(5).accepted  # the p-value is blind to it
    found = judged(5, BUSY, BUSY, BUSY)
    assert not found.accepted
    assert found.p < found.alpha
    assert found.reason == (
        "rejected: 3 of 20 timings were disturbed (others used 58% of the processors), which no test can allow for; "
        "use a quiet machine"
    )
    assert found.test == "timing"


def test_a_disturbed_verdict_spends_nothing_and_is_no_comparison_of_the_account() -> None:
    found = judged(5, BUSY)
    assert (found.spent, found.comparison, found.beyond) == (None, "", False)


@pytest.mark.parametrize("rules", [1, 2, 3, 4])
def test_logs_of_older_rules_are_judged_as_before(rules: int) -> None:
    assert judged(rules, BUSY) == judged(rules)


def test_the_private_check_comes_first() -> None:
    assert judged(5, BUSY, refused=True).reason == "refused: failed the private check"
    assert judged(5, BUSY, rival_refused=True).accepted


def test_the_first_candidate_stays_the_one_to_beat_and_the_verdict_says_what_disturbed_it() -> None:
    found = gate.first_verdict(t.Score(4.59, 0.1, 10), disturbed=[BUSY])
    assert found.accepted
    assert found.reason == (
        "the first candidate is the incumbent to beat, though 1 of 10 timings was disturbed (others used 58% of the "
        "processors)"
    )


class Busy(Play):
    """A run of a noisy domain; `disturbed` names the generations of the candidates whose timings were disturbed."""

    def __init__(self, rules: int, disturbed: set[int]) -> None:
        self.disturbed = disturbed
        first = replace(started(settings(noisy=True, generations=3)), rules=rules)
        super().__init__(Memory(), first, skill=lambda number, _: 2.0 * number)
        self.to_rest()

    def _result(self, one: t.Candidate, number: int, split: str, instance: str, repeat: int) -> t.InstanceFinished:
        found = super()._result(one, number, split, instance, repeat)
        beside = self.state.generation == 2 and number in self.disturbed
        return replace(found, disturbed=BUSY) if beside and instance in ("val-3", "train-1") else found

    @property
    def reasons(self) -> list[str]:
        return [one.verdict.reason for one in self.state.generations if one.verdict]


@pytest.mark.parametrize(("disturbed", "count"), [({2}, 1), ({1}, 1), ({1, 2}, 2)])
def test_a_disturbed_timing_of_either_arm_keeps_the_incumbent_until_a_quiet_one(
    disturbed: set[int], count: int
) -> None:
    run = Busy(5, disturbed)
    were = "was" if count == 1 else "were"
    assert run.reasons[1].startswith(f"rejected: {count} of 24 timings {were} disturbed ({BUSY})")
    assert run.reasons[2].startswith("accepted: +4.0000")  # over generation 1: generation 2 is not the incumbent
    assert verify(run.log, run.log.run).identical  # type: ignore[arg-type]


def test_a_run_that_pins_older_rules_accepts_as_it_did() -> None:
    run = Busy(4, {1, 2})
    assert run.reasons == Busy(4, set()).reasons
    assert verify(run.log, run.log.run).identical  # type: ignore[arg-type]


def test_another_rule_of_the_gate_accepts_no_disturbed_timing_either() -> None:
    assert what_if(Busy(5, {2}).log.events, {"alpha": 0.02}).differs_at is None


def test_agents_are_told_that_it_was_the_machine_and_no_score() -> None:
    state = Busy(5, {2}).state
    assert told(state, state.of(2)) == ("", state.of(2).verdict.reason if state.of(2).verdict else None)
