"""What the gate compares: under noise, both candidates as they were measured beside each other."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.histories import Memory, Play, settings, started


@pytest.mark.parametrize("noisy", [True, False])
def test_under_noise_bad_luck_that_an_incumbent_once_had_is_no_gain_of_the_candidate(noisy: bool) -> None:
    measured: Counter[tuple[int, str]] = Counter()

    def luck(number: int, instance: str) -> float:
        """All are as good; the first was unlucky when it was measured first."""
        measured[number, instance] += 1
        return float(number > 1 or measured[number, instance] > 1)

    verdict = Play(Memory(), started(settings(generations=2, noisy=noisy)), skill=luck).to_rest().of(2).verdict
    assert verdict is not None
    # where nothing is noisy, what was measured once holds
    assert (verdict.accepted, verdict.difference) == ((False, 0.0) if noisy else (True, 1.0))
