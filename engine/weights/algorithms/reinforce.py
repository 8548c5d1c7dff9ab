"""REINFORCE with a KL penalty: the score-function gradient with a leave-one-out baseline.

    A_i = r_i - mean over j != i of r_j        loss = -A_i log p(y_i) + kl * KL(policy || base)

The leave-one-out baseline keeps the gradient unbiased and lowers its variance. The KL term preserves the base model's
abilities.
Sources: Williams 1992 (doi 10.1007/BF00992696); Kool et al. 2019 for the baseline; Ahmadian et al., arXiv 2402.14740.
"""

from __future__ import annotations

from collections.abc import Sequence


def advantages(rewards: Sequence[float]) -> list[float]:
    """The advantages for the rewards of one instance, at least two."""
    total, others = sum(rewards), len(rewards) - 1
    return [reward - (total - reward) / others if others else 0.0 for reward in rewards]
