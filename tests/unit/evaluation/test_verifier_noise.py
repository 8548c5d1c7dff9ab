"""How often a noisy task is answered: as often as the gate needs to be able to accept anything."""

from __future__ import annotations

import pytest

from engine.core.decide import RULES
from engine.core.gate import compare
from engine.evaluation.verifier_noise import repeats
from engine.events import types as t


def settings(generations: int, *, noisy: bool) -> t.Settings:
    return t.Settings(generations, 1, "search", t.Gate(minimum_effect=0.0), noisy=noisy)


@pytest.mark.parametrize("generations", [2, 8, 13, 20, 100])
def test_a_candidate_that_wins_every_pair_can_be_accepted_and_with_fewer_pairs_could_not(generations: int) -> None:
    chosen = settings(generations, noisy=True)
    times = repeats(chosen, 8)

    def accepted(pairs: int) -> bool:
        units = [(str(number), 0) for number in range(pairs)]
        better = {unit: 1.0 + 0.01 * place for place, unit in enumerate(units)}
        worse = dict.fromkeys(units, 0.0)
        gate = t.Gate(minimum_effect=0.0)
        return compare(better, worse, against=1, gate=gate, generations=generations, noisy=True, rules=RULES).accepted

    assert accepted(8 * times)
    assert times == 1 or not accepted(8 * (times - 1))


def test_what_is_deterministic_is_answered_once() -> None:
    assert repeats(settings(20, noisy=False), 1) == 1
