"""Best-of-N behavioural cloning: imitate the best samples of each instance, whatever their probability was.

    loss = -log p(y)        for the samples with the best reward of their instance; weights sum to 1 per instance

An instance whose best reward equals the round's lowest is skipped. Useful where the mean reward is near 0 and a policy
gradient is mostly noise. Sources: Anthony et al. 2017 (expert iteration); Dong et al., RAFT, arXiv 2304.06767.
"""

from __future__ import annotations

from collections.abc import Sequence


def shares(rewards: Sequence[float], floor: float) -> list[float]:
    """The weight of each sample of one instance; `floor` is the lowest reward of the round."""
    best = max(rewards)
    if best <= floor:
        return [0.0] * len(rewards)
    count = sum(reward == best for reward in rewards)
    return [1 / count if reward == best else 0.0 for reward in rewards]
