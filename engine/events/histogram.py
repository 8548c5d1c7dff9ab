"""The histogram of rewards that a training checkpoint records and a replay recomputes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

BINS = 10


def bin_counts(rewards: Sequence[float]) -> list[int]:
    """How many rewards lie in each of ten equal bins from the least to the most; equal ones are all in the first."""
    if not rewards:
        return []
    low, span = min(rewards), max(rewards) - min(rewards)
    counts = Counter(min(BINS - 1, int((reward - low) / span * BINS)) if span else 0 for reward in rewards)
    return [counts[place] for place in range(BINS)]
