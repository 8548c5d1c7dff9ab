"""PPO with generalised advantage estimation: a token's advantage, against what a value head expected.

    d_t = r_t + discount V_(t+1) - V_t        A_t = d_t + discount lambda A_(t+1)        V's target: A_t + V_t

An episode is all that a sample's calls sampled, in order; its reward comes with the last token. Advantages are shifted
and scaled to mean 0 and standard deviation 1 over a round, and enter the clipped surrogate (`losses.surrogate`).
The value head reads the policy's last hidden state, and its error moves the head alone, not the policy.
Sources: Schulman et al., arXiv 1707.06347 and 1506.02438.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence

_LEAST = 1e-9


def estimate_advantages(values: Sequence[float], reward: float, discount: float, gae_lambda: float) -> list[float]:
    """The advantage of each token of one episode, whose state before it is worth `values`."""
    found: list[float] = []
    after, following = 0.0, 0.0  # the advantage and the value of what comes next; after the end there is neither
    for place in range(len(values) - 1, -1, -1):
        gained = reward if place == len(values) - 1 else 0.0
        error = gained + discount * following - values[place]
        after = error + discount * gae_lambda * after
        following = values[place]
        found.append(after)
    return found[::-1]


def whiten(advantages: Sequence[float]) -> list[float]:
    """Of mean 0 and standard deviation 1; zeros where all are equal."""
    mean, spread = statistics.fmean(advantages), statistics.pstdev(advantages)
    return [(advantage - mean) / spread if spread > _LEAST else 0.0 for advantage in advantages]
