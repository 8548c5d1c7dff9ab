"""The terms of which losses are made, for each token: tensors in, tensors out, natural logarithms throughout."""

from __future__ import annotations

from typing import Any


def surrogate(logprob: Any, old: Any, advantage: Any, clip: float) -> Any:
    """-min(q A, clamp(q, 1 - clip, 1 + clip) A), q being the ratio of new to old probability (arXiv 1707.06347)."""
    ratio = (logprob - old).exp()
    return -(ratio * advantage).minimum(ratio.clamp(1 - clip, 1 + clip) * advantage)


def clipped(logprob: Any, old: Any, advantage: Any, clip: float) -> Any:
    """Where the surrogate is flat because the ratio has left its bounds, on the side where that would have paid."""
    ratio = (logprob - old).exp()
    return ((ratio > 1 + clip) & (advantage > 0)) | ((ratio < 1 - clip) & (advantage < 0))


def divergence(logprob: Any, base: Any) -> Any:
    """exp(b - p) - (b - p) - 1: never negative, and KL(policy || base) on average over what the policy samples.

    Schulman, "Approximating KL divergence" (2020), the estimator k3; GRPO uses it, too.
    """
    behind = base - logprob
    return behind.exp() - behind - 1


def preference(margin: Any) -> Any:
    """-log sigmoid(margin), without overflow."""
    return (-margin).clamp(min=0) + (-margin.abs()).exp().log1p()
