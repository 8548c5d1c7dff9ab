"""Measures of a round of training, and the detection of a collapse. Pure: computed from rollouts and measures alone."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from engine.core.gate import mean

CLASSES = 24
"""The number of classes with a curve of their own: those with the most instances."""
ONE_ANSWER, SPREAD = 0.95, 0.8
"""Collapse: one answer has at least the share `ONE_ANSWER`, and no label has the share `SPREAD`."""
FALL, ENTROPY_GONE, KL_RUNAWAY = 0.5, 0.02, 25.0
"""Collapse: reward below this share of the best, entropy below this share of the first, or KL to the base above this
many nats per sequence."""


class Rollout(msgspec.Struct, frozen=True):
    """One graded execution of the harness on a train instance; `calls` are (prompt ids, sampled ids)."""

    instance: str
    sample: int
    reward: float
    answer: str
    label: str
    calls: Sequence[tuple[Sequence[int], Sequence[int]]]


class Collapse(msgspec.Struct, frozen=True):
    """Why training collapsed, and how many rounds before that are good."""

    reason: str
    keep: int


def summarize(rollouts: Sequence[Rollout]) -> dict[str, float]:
    """Mean reward, the share of groups with mixed rewards, of the commonest answer and label, and rewards by class."""
    answers, labels = Counter(one.answer for one in rollouts), Counter(one.label for one in rollouts if one.label)
    groups: dict[str, set[float]] = {}
    for one in rollouts:
        groups.setdefault(one.instance, set()).add(one.reward)
    found = {
        "reward": mean([one.reward for one in rollouts]).score,
        "mixed_groups": sum(len(rewards) > 1 for rewards in groups.values()) / len(groups),
        "top_answer": answers.most_common(1)[0][1] / len(rollouts),
    }
    if labels:
        found["top_label"] = labels.most_common(1)[0][1] / sum(labels.values())
    for label, _ in sorted(labels.most_common(CLASSES)):
        found[f"reward/{label}"] = mean([one.reward for one in rollouts if one.label == label]).score
    return found


def unlearned_classes(measures: Mapping[str, float]) -> list[str]:
    """The classes with mean reward 0 in the round."""
    return [
        name.removeprefix("reward/") for name, value in measures.items() if name.startswith("reward/") and not value
    ]


def is_saturated(measures: Mapping[str, float]) -> bool:
    """Whether nothing is left to learn: nearly all rollouts are right, and nearly no group is mixed."""
    return measures["reward"] >= 0.995 and measures["mixed_groups"] < 0.02


def find_collapse(rounds: Sequence[Mapping[str, float]]) -> Collapse | None:
    """The collapse in the last of `rounds`, if any; each has its rollouts' measures and, after learning, its own.

    A round's rollouts show the effect of the round before; measures of learning show its own.
    """
    now, before, at = rounds[-1], rounds[:-1], len(rounds)
    if before:
        best = max(one["reward"] for one in before)
        if now["top_answer"] >= ONE_ANSWER and now.get("top_label", 1.0) < SPREAD:
            return Collapse(f"{now['top_answer']:.0%} of all answers are the same", at - 2)
        if now["reward"] < FALL * best:
            return Collapse(f"the mean reward fell from {best:.3f} to {now['reward']:.3f}", at - 2)
    broken = next((name for name, value in now.items() if not math.isfinite(value)), "")
    if broken:
        return Collapse(f"{broken} is NaN or infinite", at - 1)
    if now.get("kl", 0.0) > KL_RUNAWAY:
        return Collapse(f"the divergence from the base rose to {now['kl']:.1f} nats per sequence", at - 1)
    first = next((one["entropy"] for one in rounds if one.get("entropy")), 0.0)
    if "entropy" in now and now["entropy"] < ENTROPY_GONE * first and now["reward"] < FALL:
        return Collapse(f"the entropy fell to {now['entropy']:.4f} at a mean reward of {now['reward']:.3f}", at - 1)
    return None


def class_name(label: Any) -> str:
    """The class that a label names; empty if labels are not classes."""
    return str(label) if isinstance(label, str | int | bool) else ""
