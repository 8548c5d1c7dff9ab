"""What a round's samples are worth to an algorithm: a number for each sample, before any tensor is touched."""

from __future__ import annotations

from collections.abc import Sequence

from engine.weights.algorithms import cloning, entropic, grpo, reinforce
from engine.weights.recipe import Recipe
from engine.weights.sample import Sample

Group = list[int]
"""The places of the samples of one instance."""


def groups(samples: Sequence[Sample]) -> list[Group]:
    """The samples by instance, in one order whatever order they came in."""
    found: dict[str, Group] = {}
    for place in sorted(range(len(samples)), key=lambda i: (samples[i].instance, samples[i].sample)):
        found.setdefault(samples[place].instance, []).append(place)
    return list(found.values())


def worths(recipe: Recipe, samples: Sequence[Sample], grouped: Sequence[Group]) -> list[float]:
    """The advantage of each sample, or its share where samples are imitated. PPO and DPO have none: all zeros."""
    found = [0.0] * len(samples)
    floor = min((sample.reward for sample in samples), default=0.0)
    for group in grouped:
        rewards = [samples[place].reward for place in group]
        match recipe.algorithm:
            case "grpo":
                own = grpo.advantages(rewards)
            case "entropic":
                own = entropic.advantages(rewards, recipe.beta)
            case "reinforce":
                own = reinforce.advantages(rewards)
            case "best-of-n":
                own = cloning.shares(rewards, floor)
            case _:
                return found
        for place, worth in zip(group, own, strict=True):
            found[place] = worth
    return found


def taught(recipe: Recipe, samples: Sequence[Sample], worth: Sequence[float], grouped: Sequence[Group]) -> list[Group]:
    """The groups whose samples change anything; those without are not computed.

    With a divergence in the loss all do, and PPO's advantages are not known before the values are.
    """
    if recipe.algorithm == "ppo" or recipe.kl > 0:
        return list(grouped)
    if recipe.algorithm == "dpo":
        return [group for group in grouped if len({samples[place].reward for place in group}) > 1]
    if recipe.algorithm == "best-of-n":
        imitated = [[place for place in group if worth[place]] for group in grouped]
        return [group for group in imitated if group]
    return [group for group in grouped if any(worth[place] for place in group)]
