"""How much of the incumbent's score on `val` is selection, estimated from the verdicts of a run."""

from __future__ import annotations

import pytest

from benchmarks.optimism import SEARCHES, Search, measure
from engine.events.types import GateDecided
from engine.queries.optimism import of_verdicts, optimism, sentence
from engine.queries.run_report import show
from tests.histories import Memory, Play, settings, started


def verdict(gain: float, *, accepted: bool = False, se: float = 0.01, **changes: object) -> GateDecided:
    known = {"test": "one-sided paired permutation test", "difference": gain, "se": se, "unit": "instance", **changes}
    return GateDecided(accepted=accepted, reason="", n=100, **known)  # type: ignore[arg-type]


def test_gains_that_differ_by_noise_alone_are_their_mean() -> None:
    noise = [verdict(0.02, accepted=True), verdict(0.01), verdict(0.01), verdict(0.01), verdict(0.01), verdict(0.02)]
    mean = 0.08 / 6
    assert of_verdicts(noise) == pytest.approx((0.02 - mean + 4 * (mean - 0.01) - (0.02 - mean)) / 2)


def test_gains_that_differ_by_more_are_true() -> None:
    assert of_verdicts([verdict(1.0, accepted=True), *[verdict(-1.0)] * 5]) == pytest.approx(0, abs=2e-4)


def test_nothing_is_said_of_few_gains_of_repeats_or_of_what_was_not_tested() -> None:
    assert of_verdicts([verdict(0.03, accepted=True)] * 3) is None
    assert of_verdicts([verdict(0.03, accepted=True, unit="repeat")] * 9) is None
    assert of_verdicts([verdict(0.03, accepted=True, se=0.0)] * 9) is None
    assert of_verdicts([verdict(0.03, accepted=True, test="private check")] * 9) is None


def test_it_is_reported_beside_the_score() -> None:
    state = Play(Memory(), started(settings(generations=6)), skill=lambda n, i: float(hash_of(n, i))).to_rest()
    share = optimism(state)
    assert show(state, "finished")["best"]["optimism"] == share is not None
    assert (
        sentence(0.0123, 0.62131) == "about 0.012 of the 0.6213 on val is selection: the gate kept what noise favoured"
    )


def hash_of(number: int, instance: str) -> bool:
    return (number * 7 + int(instance.split("-")[1]) * 5) % 3 > 0


@pytest.mark.parametrize("search", [SEARCHES[2], SEARCHES[6]], ids=lambda search: search.name)
def test_it_is_about_right_and_makes_the_score_more_exact(search: Search) -> None:
    found = measure(search, runs=200)
    assert found.optimism > 0.01
    assert found.optimism / 2.5 < found.estimate < found.optimism * 1.5
    assert found.error_less < 0.9 * found.error
