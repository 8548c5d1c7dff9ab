"""DPO: raises the better of two samples of an instance over the worse, relative to the base model.

    loss = -log sigmoid(b [(log p(w) - log base(w)) - (log p(l) - log base(l))])        b is `preference_beta`

Only the order of rewards is used. Source: Rafailov et al., arXiv 2305.18290, equation 7.
"""

from __future__ import annotations

from collections.abc import Sequence


def pairs(rewards: Sequence[float]) -> list[tuple[int, int]]:
    """Pairs (better, worse) of the samples of one instance: the best with the worst, second with second last."""
    order = sorted(range(len(rewards)), key=lambda i: -rewards[i])
    matched = zip(order, reversed(order[(len(order) + 1) // 2 :]), strict=False)
    return [(better, worse) for better, worse in matched if rewards[better] > rewards[worse]]
