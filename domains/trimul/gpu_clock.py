"""Checks the kernel times that a guest claims against the clock outside.

CUDA's events are read in the guest's process, which the candidate shares, so they are believed only as far as the wall
clock outside confirms them. The clock outside stops when the outputs lie in memory that the grader sees: all the work
is within it, wherever it was put. An order without a kernel tells what the rest of an order takes.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence

MARGIN = 0.25
"""The share of the time outside that may be unclaimed: host work that no event records."""
JITTER_S = 1e-3
"""The absolute tolerance for a case: variation of starting, copying, replying and stopping on a busy host."""


def least(walls_s: Sequence[float], empty_s: Sequence[float]) -> float:
    """The least seconds of kernels in orders that took `walls_s`, if empty orders take `empty_s`."""
    jitter = max(JITTER_S, max(empty_s) - min(empty_s))
    return (1 - MARGIN) * (sum(walls_s) - len(walls_s) * statistics.median(empty_s) - jitter)


def disagreement(claimed_s: float, walls_s: Sequence[float], empty_s: Sequence[float]) -> str:
    """Why a claim is rejected; empty if it is plausible."""
    bound, most = least(walls_s, empty_s), sum(walls_s)
    if bound <= claimed_s <= most:
        return ""
    found = f"at least {bound * 1e3:.3g}" if claimed_s < bound else f"at most {most * 1e3:.3g}"
    return f"the guest's clock disagrees: {claimed_s * 1e3:.3g} ms by its events, {found} ms from outside"
