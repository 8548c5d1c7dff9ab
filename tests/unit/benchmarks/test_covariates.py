"""Why the gate has no covariates, and what a reserve would give it: what the decision says holds."""

from __future__ import annotations

import pytest

from benchmarks.covariates import explained, false_acceptance
from benchmarks.gate_power import simulate
from engine.core.power import power_of
from engine.events.types import Gate

LEVEL = 0.05 / 7


def test_what_tells_the_sign_of_a_difference_makes_the_gate_err() -> None:
    assert false_acceptance("none", runs=400, n=400) < 0.08
    assert false_acceptance("earlier versions, as weights", runs=400, n=400) > 0.5


def test_a_second_look_at_a_reserve_errs_no_more_and_sees_more() -> None:
    def rate(gain: float, reserve: int) -> float:
        rules = Gate(minimum_effect=0.005)
        return simulate(1068, 0.06, gain=gain, pairs=3000, seed=1, rules=rules, alpha=LEVEL, reserve=reserve).accepted

    assert rate(0.0, 1068) < 0.0115  # 0.0071, within three standard errors
    assert rate(0.02, 0) == pytest.approx(power_of(1068, 0.06, 0.02, Gate(minimum_effect=0.005), LEVEL), abs=0.03)
    assert rate(0.02, 1068) > 0.85


@pytest.mark.slow
def test_earlier_versions_explain_next_to_nothing_of_the_recorded_differences() -> None:
    found = list(explained())
    assert [row.changed for row in found] == [70, 88, 27, 65, 28, 86]
    assert max(row.earlier for row in found) < 0.01
    assert max(row.incumbent for row in found) > 0.1
