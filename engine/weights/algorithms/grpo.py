"""GRPO: how much better a sample is than the others of its instance, in standard deviations.

    A_i = (r_i - mean(r)) / std(r)        over the k samples of one instance; 0 where all are equal

Every token of sample i has the advantage A_i, in the clipped surrogate of PPO (`losses.surrogate`), with the divergence
from the base as a term of the loss. Source: Shao et al., DeepSeekMath, arXiv 2402.03300, equations 3 and 4.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence

_LEAST = 1e-9


def advantages(rewards: Sequence[float]) -> list[float]:
    """An advantage for each of the rewards of one instance."""
    mean, spread = statistics.fmean(rewards), statistics.pstdev(rewards)
    return [(reward - mean) / spread if spread > _LEAST else 0.0 for reward in rewards]
