"""GRPO: a sample's reward relative to the other samples of its instance, in standard deviations.

    A_i = (r_i - mean(r)) / std(r)        over the k samples of one instance; 0 if all are equal

Every token of sample i has the advantage A_i in PPO's clipped surrogate (`losses.surrogate`); the KL divergence from
the base is a term of the loss. Source: Shao et al., DeepSeekMath, arXiv 2402.03300, equations 3 and 4.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence

_LEAST = 1e-9


def advantages(rewards: Sequence[float]) -> list[float]:
    """The advantages for the rewards of one instance."""
    mean, spread = statistics.fmean(rewards), statistics.pstdev(rewards)
    return [(reward - mean) / spread if spread > _LEAST else 0.0 for reward in rewards]
