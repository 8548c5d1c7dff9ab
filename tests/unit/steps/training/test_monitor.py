"""The measures of a round, and when a training has collapsed."""

from __future__ import annotations

import math

import pytest

from engine.events.histogram import bin_counts
from engine.steps.training.monitor import Collapse, Rollout, find_collapse, is_saturated, summarize


def rollouts(*rows: tuple[str, float, str, str]) -> list[Rollout]:
    """Out of (instance, reward, answer, label)."""
    return [Rollout(name, n, reward, answer, label, []) for n, (name, reward, answer, label) in enumerate(rows)]


SHOWN = rollouts(("a", 1, "x", "X"), ("a", 0, "y", "X"), ("b", 0, "x", "Y"), ("b", 0, "x", "Y"))
GOOD = {"reward": 0.5, "top_answer": 0.4, "top_label": 0.3, "kl": 1.0, "entropy": 1.0}


def test_a_mean_does_not_hide_a_class() -> None:
    found = summarize(SHOWN)
    assert (found["reward"], found["reward/X"], found["reward/Y"]) == (0.25, 0.5, 0.0)
    assert (found["mixed_groups"], found["top_answer"], found["top_label"]) == (0.5, 0.75, 0.5)


def test_rewards_are_counted_in_ten_bins() -> None:
    assert bin_counts([0, 0, 1]) == [2, *[0] * 8, 1]
    assert bin_counts([0.5, 0.5]) == [2, *[0] * 9]
    assert sum(bin_counts([k / 7 for k in range(50)])) == 50
    assert bin_counts([]) == []


def test_nothing_is_left_to_learn_where_all_are_right() -> None:
    assert is_saturated(summarize(rollouts(("a", 1, "x", "X"), ("a", 1, "x", "X"))))
    assert not is_saturated(summarize(SHOWN))


def test_a_good_training_is_left_alone() -> None:
    assert find_collapse([GOOD]) is None
    assert find_collapse([GOOD, GOOD | {"reward": 0.7, "entropy": 0.001}]) is None, "a sure policy that is right"
    assert find_collapse([GOOD | {"top_answer": 1.0}]) is None, "the base, before anything was learnt"


@pytest.mark.parametrize(
    ("change", "reason", "keep"),
    [
        ({"top_answer": 0.99}, "99% of all answers are the same", 1),
        ({"reward": 0.1}, "fell from 0.500 to 0.100", 1),
        ({"kl": 60.0}, "rose to 60.0 nats", 2),
        ({"loss": math.nan}, "loss is NaN", 2),
        ({"entropy": 1e-4, "reward": 0.4}, "the entropy fell to", 2),
    ],
)
def test_what_goes_wrong_is_said_and_what_was_good_is_kept(change: dict[str, float], reason: str, keep: int) -> None:
    found = find_collapse([GOOD, GOOD, GOOD | change])
    assert isinstance(found, Collapse)
    assert reason in found.reason
    assert found.keep == keep
