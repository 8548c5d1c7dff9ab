"""Why the gate has no covariates, and what a reserve would give it: what the decision says holds."""

from __future__ import annotations

import contextlib

import pytest

from benchmarks.covariates import RECORDED, explained, false_acceptance
from benchmarks.gate_power import GAINS, simulate
from engine.core.power import detectable, power_of, power_of_looks, sentence
from engine.core.state import fold
from engine.events.reader import Reader
from engine.events.types import Gate

ROOT = RECORDED.parent
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


def test_the_page_on_the_gate_has_the_computed_power() -> None:
    rules, page = Gate(minimum_effect=0.005), (ROOT / "docs/gate.md").read_text()
    for changed in (0.06, 0.10, 0.25):
        rates = [f"{power_of(1068, changed, gain, rules, LEVEL):.1%}" for gain in GAINS]
        assert f"| {' | '.join([f'{changed:.0%}', *rates])} |" in page
    for reserve, changed in ((534, 0.06), (1068, 0.06), (2136, 0.06), (1068, 0.10)):
        rates = [f"{power_of_looks(1068, reserve, changed, gain, rules, LEVEL):.1%}" for gain in GAINS]
        assert f"| {' | '.join([f'{reserve:,}', f'{changed:.0%}', *rates])} |" in page


@pytest.mark.slow
def test_the_page_on_the_gate_says_what_the_recorded_run_can_still_detect() -> None:
    with contextlib.closing(Reader.open(RECORDED)) as reader:
        state = fold(reader.history(reader.find("last").run))
    found = detectable(state, state.account)
    assert found and sentence(found) in (ROOT / "docs/gate.md").read_text()


@pytest.mark.slow
def test_earlier_versions_explain_next_to_nothing_of_the_recorded_differences() -> None:
    found = list(explained())
    assert [row.changed for row in found] == [70, 88, 27, 65, 28, 86]
    assert max(row.earlier for row in found) < 0.01
    assert max(row.incumbent for row in found) > 0.1
