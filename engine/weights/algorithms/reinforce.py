"""REINFORCE with a divergence to the base: the score function, against what the other samples got.

    A_i = r_i - mean over j != i of r_j        loss = -A_i log p(y_i) + kl * KL(policy || base)

Leaving one out keeps the gradient unbiased and makes its variance small. The divergence holds what the base can do.
Sources: Williams 1992 (doi 10.1007/BF00992696); Kool et al. 2019 for the baseline; Ahmadian et al., arXiv 2402.14740.
"""

from __future__ import annotations

from collections.abc import Sequence


def advantages(rewards: Sequence[float]) -> list[float]:
    """An advantage for each of the rewards of one instance, of which there are at least two."""
    total, others = sum(rewards), len(rewards) - 1
    return [reward - (total - reward) / others if others else 0.0 for reward in rewards]
