"""Timing two programs against each other on a machine that is never quiet: in turns, pair by pair.

A machine's speed drifts by a half within seconds; the ratio of two calls made one right after the other does not.
Blocks are ABBA, so that a linear drift cancels (Maricq et al., "Taming performance variability", OSDI 2018, and
Chen and Revels, "Robust benchmarking in noisy environments", 2016, for the median).
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence

from domains.contract import Compared

_MAD = 1.4826
"""The median absolute deviation times this estimates a standard deviation; a median's error is larger by _MEDIAN."""
_MEDIAN = 1.2533


def compare(fresh: Callable[[], None], a: Callable[[], float], b: Callable[[], float], blocks: int) -> Compared:
    """Runs `blocks` blocks of A B B A, `fresh` before each pair; times must be positive."""
    pairs: list[tuple[float, float]] = []
    for _ in range(blocks):
        for first, second in ((a, b), (b, a)):
            fresh()
            one, other = first(), second()
            pairs.append((one, other) if first is a else (other, one))
    return paired(pairs)


def paired(pairs: Sequence[tuple[float, float]]) -> Compared:
    """The comparison that pairs of seconds amount to."""
    logs = [math.log(a / b) for a, b in pairs]
    middle = statistics.median(logs)
    deviation = statistics.median(abs(value - middle) for value in logs)
    return Compared(
        a_s=statistics.median(a for a, _ in pairs),
        b_s=statistics.median(b for _, b in pairs),
        ratio=math.exp(middle),
        spread=_MEDIAN * _MAD * deviation / math.sqrt(len(logs)),
    )
