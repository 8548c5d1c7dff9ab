"""Terms of the losses, per token: tensors in, tensors out, natural logarithms."""

from __future__ import annotations

from typing import Any


def surrogate(logprob: Any, old: Any, advantage: Any, clip: float) -> Any:
    """-min(q A, clamp(q, 1 - clip, 1 + clip) A), where q is the ratio of new to old probability (arXiv 1707.06347)."""
    ratio = (logprob - old).exp()
    return -(ratio * advantage).minimum(ratio.clamp(1 - clip, 1 + clip) * advantage)


def clipped(logprob: Any, old: Any, advantage: Any, clip: float) -> Any:
    """Where the clip makes the surrogate flat: the ratio is out of bounds in the direction of the advantage."""
    ratio = (logprob - old).exp()
    return ((ratio > 1 + clip) & (advantage > 0)) | ((ratio < 1 - clip) & (advantage < 0))


def divergence(logprob: Any, base: Any) -> Any:
    """exp(b - p) - (b - p) - 1: never negative, and an unbiased estimate of KL(policy || base) on the policy's samples.

    The estimator k3 of Schulman, "Approximating KL divergence" (2020), which GRPO uses.
    """
    behind = base - logprob
    return behind.exp() - behind - 1


def preference(margin: Any) -> Any:
    """-log sigmoid(margin), without overflow, and with its derivative -1/2 at 0, where every training begins."""
    return (margin * 0).logaddexp(-margin)
