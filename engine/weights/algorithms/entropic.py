"""Entropic advantages: exponential weights on the best samples, for rewards with rare successes.

    A_i = exp(beta r_i) / mean over j != i of exp(beta r_j) - 1

The gradient climbs log E[exp(beta r)] / beta, which lies between the mean (beta to 0) and the best (beta to infinity).
`beta` is fixed (the paper: 2), or adapted to each instance by bisection so that q, proportional to exp(beta r), is ln 2
nats from the uniform distribution: KL(q || u) = ln 2, whatever the scale of the rewards.
If half of the samples or more share the best reward, no beta reaches that, and beta times the range of the rewards is
`STEEPEST`; otherwise that bound is never reached. Sources: arXiv 2605.27276 after TTT-Discover; Föllmer & Schied 2011.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

TARGET = math.log(2)
STEEPEST = 5.0
_HALVINGS = 60
_LEAST = 1e-9
_FLOOR = 1e-6  # keeps an advantage finite in single precision, however steep beta is


def advantages(rewards: Sequence[float], beta: float = 0.0) -> list[float]:
    """The advantages for the rewards of one instance, at least two; `beta` 0 is adaptive."""
    best = max(rewards)
    if best - min(rewards) < _LEAST:
        return [0.0] * len(rewards)
    sharpness = beta or adapt_beta(rewards)
    weights = [math.exp(sharpness * (reward - best)) for reward in rewards]  # no overflow; the quotient is the same
    total, others = sum(weights), len(weights) - 1
    return [weight * others / max(total - weight, _FLOOR) - 1 for weight in weights]


def adapt_beta(rewards: Sequence[float]) -> float:
    """The beta at which KL(q || uniform) is ln 2, or the steepest allowed; 0 if all rewards are equal."""
    spread = max(rewards) - min(rewards)
    if spread < _LEAST:
        return 0.0
    low, high = 0.0, STEEPEST / spread
    if divergence(rewards, high) <= TARGET:
        return high
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if divergence(rewards, middle) < TARGET else (low, middle)
    return (low + high) / 2


def divergence(rewards: Sequence[float], beta: float) -> float:
    """KL(q || uniform) in nats, with q proportional to exp(beta r)."""
    best = max(rewards)
    weights = [math.exp(beta * (reward - best)) for reward in rewards]
    total = sum(weights)
    return math.fsum(w / total * math.log(w / total * len(weights)) for w in weights if w)
