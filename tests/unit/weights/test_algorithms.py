"""What a reward makes of a sample, against cases worked out by hand."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.weights.algorithms import cloning, entropic, grpo, ppo, preference, reinforce

REWARDS = st.lists(st.floats(-10, 10), min_size=2, max_size=16)


def test_grpo_counts_in_standard_deviations_from_the_mean() -> None:
    # mean 1/4, variance (9 + 1 + 1 + 1) / 16 / 4 = 3/16
    assert grpo.advantages([1, 0, 0, 0]) == pytest.approx([math.sqrt(3), *[-1 / math.sqrt(3)] * 3])
    assert grpo.advantages([0.7] * 4) == [0.0] * 4


def test_reinforce_compares_with_the_others() -> None:
    assert reinforce.advantages([3, 1, 2]) == pytest.approx([1.5, -1.5, 0])
    assert reinforce.advantages([1]) == [0.0]


def test_entropic_weights_are_exponential_and_leave_one_out() -> None:
    # exp(2) over the mean of 1, 1 and 1; 1 over the mean of exp(2), 1 and 1
    others = 3 / (math.exp(2) + 2) - 1
    assert entropic.advantages([1, 0, 0, 0], 2) == pytest.approx([math.exp(2) - 1, *[others] * 3])
    assert entropic.advantages([0.5] * 3, 2) == [0.0] * 3


def test_an_adapted_beta_lies_ln_2_from_uniform_whatever_the_scale() -> None:
    for scale in (0.01, 1, 1000):
        rewards = [scale * reward for reward in (0, 0, 0, 0, 0, 0.2, 0.9, 1)]
        beta = entropic.adapt_beta(rewards)
        assert entropic.divergence(rewards, beta) == pytest.approx(math.log(2), abs=1e-9)
        assert entropic.advantages(rewards) == pytest.approx(entropic.advantages(rewards, beta))
    # Half of the samples share the best: ln 2 is out of reach, and beta ends where it is steepest.
    assert entropic.adapt_beta([1, 1, 0, 0]) == entropic.STEEPEST
    assert entropic.adapt_beta([1, 1]) == 0


def test_generalised_advantages_are_discounted_sums_of_surprises() -> None:
    # d_2 = 1 - 0.5, d_1 = 0.9 * 0.5 - 0.4, d_0 = 0.9 * 0.4 - 0.2; each counts 0.9 * 0.8 a step back
    last, middle = 0.5, 0.05 + 0.72 * 0.5
    first = 0.16 + 0.72 * middle
    assert ppo.estimate_advantages([0.2, 0.4, 0.5], 1.0, 0.9, 0.8) == pytest.approx([first, middle, last])
    assert ppo.estimate_advantages([0.2, 0.4], 1.0, 1.0, 1.0) == pytest.approx([0.8, 0.6])  # what is still to come
    assert ppo.whiten([1, 2, 3]) == pytest.approx([-math.sqrt(1.5), 0, math.sqrt(1.5)])
    assert ppo.whiten([2, 2]) == [0, 0]


def test_the_best_are_imitated_and_the_hopeless_are_not() -> None:
    assert cloning.shares([0, 1, 1, 0.5], floor=0) == [0, 0.5, 0.5, 0]
    assert cloning.shares([0, 0], floor=0) == [0, 0]


def test_the_best_is_preferred_to_the_worst_and_equals_are_no_pair() -> None:
    assert preference.pairs([0, 1, 0.5, 0.2]) == [(1, 0), (2, 3)]
    assert preference.pairs([1, 0, 1]) == [(0, 1)]
    assert preference.pairs([1, 1]) == []


@given(REWARDS)
def test_advantages_of_an_instance_are_finite_and_keep_the_order_of_its_rewards(rewards: list[float]) -> None:
    for found in (grpo.advantages(rewards), reinforce.advantages(rewards), entropic.advantages(rewards)):
        assert all(map(math.isfinite, found))
        ordered = [advantage for _, advantage in sorted(zip(rewards, found, strict=True))]
        assert all(a <= b + 1e-6 for a, b in itertools.pairwise(ordered))
    assert sum(grpo.advantages(rewards)) == pytest.approx(0, abs=1e-6)
    assert sum(reinforce.advantages(rewards)) == pytest.approx(0, abs=1e-6)
