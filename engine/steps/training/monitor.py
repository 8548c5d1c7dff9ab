"""What a round of training shows, and when a training has gone wrong. Pure: from rollouts and measures alone."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from engine.core.gate import mean

CLASSES = 24
"""Classes that have a curve of their own: those with the most instances."""
ONE_ANSWER, SPREAD = 0.95, 0.8
"""A share of one answer that is a collapse, where no label has this share."""
FALL, ENTROPY_GONE, KL_RUNAWAY = 0.5, 0.02, 25.0
"""Shares of the best reward and the first entropy below which training has lost it; nats a sequence from the base."""


class Rollout(msgspec.Struct, frozen=True):
    """One execution of the harness on a train instance, graded: `calls` are (prompt ids, sampled ids)."""

    instance: str
    sample: int
    reward: float
    answer: str
    label: str
    calls: Sequence[tuple[Sequence[int], Sequence[int]]]


class Collapse(msgspec.Struct, frozen=True):
    """What went wrong, and how many rounds of learning are still good."""

    reason: str
    keep: int


def summarize(rollouts: Sequence[Rollout]) -> dict[str, float]:
    """The reward's mean, the shares of the commonest answer and label, the groups that teach, rewards a class."""
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
    """The classes that no rollout of the round got right."""
    return [
        name.removeprefix("reward/") for name, value in measures.items() if name.startswith("reward/") and not value
    ]


def is_saturated(measures: Mapping[str, float]) -> bool:
    """Whether the rollouts leave nothing to learn: every group agrees with itself, nearly all of them right."""
    return measures["reward"] >= 0.995 and measures["mixed_groups"] < 0.02


def find_collapse(rounds: Sequence[Mapping[str, float]]) -> Collapse | None:
    """What went wrong in the last of `rounds`, each with what its rollouts showed and, once learnt from, its measures.

    What rollouts show is the work of the round before; what learning measures is its own.
    """
    now, before, at = rounds[-1], rounds[:-1], len(rounds)
    if before:
        best = max(one["reward"] for one in before)
        if now["top_answer"] >= ONE_ANSWER and now.get("top_label", 1.0) < SPREAD:
            return Collapse(f"{now['top_answer']:.0%} of all answers are one", at - 2)
        if now["reward"] < FALL * best:
            return Collapse(f"the mean reward fell from {best:.3f} to {now['reward']:.3f}", at - 2)
    broken = next((name for name, value in now.items() if not math.isfinite(value)), "")
    if broken:
        return Collapse(f"{broken} is not a number any more", at - 1)
    if now.get("kl", 0.0) > KL_RUNAWAY:
        return Collapse(f"the divergence from the base ran away to {now['kl']:.1f} nats a sequence", at - 1)
    first = next((one["entropy"] for one in rounds if one.get("entropy")), 0.0)
    if "entropy" in now and now["entropy"] < ENTROPY_GONE * first and now["reward"] < FALL:
        return Collapse(f"the entropy is gone ({now['entropy']:.4f}) with a mean reward of {now['reward']:.3f}", at - 1)
    return None


def class_name(label: Any) -> str:
    """The class that a label names; nothing where labels are no classes."""
    return str(label) if isinstance(label, str | int | bool) else ""
