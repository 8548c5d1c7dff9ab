"""Rewards become advantages: one number for each sample of a round, before any tensor is computed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from engine.weights.algorithms import cloning, entropic, grpo, reinforce
from engine.weights.recipe import Recipe
from engine.weights.sample import Sample

Group = list[int]
"""The samples of one instance, as indices."""


def group_by_instance(samples: Sequence[Sample]) -> list[Group]:
    """The samples by instance; the result does not depend on their order."""
    groups: dict[str, Group] = {}
    for index in sorted(range(len(samples)), key=lambda i: (samples[i].instance, samples[i].sample)):
        groups.setdefault(samples[index].instance, []).append(index)
    return list(groups.values())


def advantages(recipe: Recipe, samples: Sequence[Sample], groups: Sequence[Group]) -> list[float]:
    """The advantage of each sample; its weight under best-of-n; all zeros under PPO and DPO, which use none."""
    found = [0.0] * len(samples)
    floor = min((sample.reward for sample in samples), default=0.0)
    for group in groups:
        rewards = [samples[index].reward for index in group]
        match recipe.algorithm:
            case "grpo":
                own = grpo.advantages(rewards)
            case "entropic":
                own = entropic.advantages(rewards, recipe.beta)
            case "reinforce":
                own = reinforce.advantages(rewards)
            case "best-of-n":
                own = cloning.shares(rewards, floor)
            case "ppo" | "dpo":
                return found
            case unknown:
                assert_never(unknown)
        for index, advantage in zip(group, own, strict=True):
            found[index] = advantage
    return found


def trainable_groups(
    recipe: Recipe, samples: Sequence[Sample], advantages: Sequence[float], groups: Sequence[Group]
) -> list[Group]:
    """The groups that have a gradient; the others are not computed.

    With a KL term in the loss all of them have one, and PPO's advantages are not known before the values are.
    """
    if recipe.algorithm == "ppo" or recipe.kl > 0:
        return list(groups)
    if recipe.algorithm == "dpo":
        return [group for group in groups if len({samples[index].reward for index in group}) > 1]
    if recipe.algorithm == "best-of-n":
        imitated = [[index for index in group if advantages[index]] for group in groups]
        return [group for group in imitated if group]
    return [group for group in groups if any(advantages[index] for index in group)]
