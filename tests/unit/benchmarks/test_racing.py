"""The measure of racing counts what whole probes would have saved, and what would have been lost."""

from __future__ import annotations

import random

from benchmarks.racing import measure
from engine.events import types as t


def whole(number: int, mean: float) -> t.ProbeFinished:
    score = t.Score(mean, 0.01, 160)
    return t.ProbeFinished(1, 0, number, "a try", {}, "160 of train", score, 160, 0.1, 0.1, f"key {number}")


def test_it_counts_what_was_saved_and_what_the_best_left_lacks() -> None:
    chance = random.Random(3)
    right = [{(f"case-{n}", 0): float(chance.random() < share) for n in range(160)} for share in (0.7, 0.2, 0.72)]
    means = [sum(scores.values()) / 160 for scores in right]
    found = measure([whole(n, mean) for n, mean in enumerate(means)], right, seed=1)
    assert (found.probes, found.stopped, found.cut, found.lost) == (3, 1, 0, 0.0)
    assert (found.evaluations, found.saved) == (480, 140)
