"""PPO with generalised advantage estimation: a token's advantage over the prediction of a value head.

    d_t = r_t + discount V_(t+1) - V_t        A_t = d_t + discount lambda A_(t+1)        V's target: A_t + V_t

An episode is all tokens sampled in a sample's calls, in order; its reward comes with the last token. Advantages are
whitened over a round, and enter the clipped surrogate (`losses.surrogate`). The value head reads the policy's last
hidden state; its gradient stops at the head and does not change the policy.
Sources: Schulman et al., arXiv 1707.06347 and 1506.02438.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence

_LEAST = 1e-9


def estimate_advantages(values: Sequence[float], reward: float, discount: float, gae_lambda: float) -> list[float]:
    """The advantage of each token of one episode; `values` are the value head's predictions before each token."""
    found: list[float] = []
    after, following = 0.0, 0.0  # advantage and value of the next token; zero after the last one
    for place in range(len(values) - 1, -1, -1):
        gained = reward if place == len(values) - 1 else 0.0
        error = gained + discount * following - values[place]
        after = error + discount * gae_lambda * after
        following = values[place]
        found.append(after)
    return found[::-1]


def whiten(advantages: Sequence[float]) -> list[float]:
    """The advantages at mean 0 and standard deviation 1; zeros if all are equal."""
    mean, spread = statistics.fmean(advantages), statistics.pstdev(advantages)
    return [(advantage - mean) / spread if spread > _LEAST else 0.0 for advantage in advantages]
