"""Paired timing of two programs on a noisy machine.

A machine's speed may drift by half within seconds; the ratio of two consecutive calls does not. Blocks are ABBA, so
that a linear drift cancels (Maricq et al., "Taming performance variability", OSDI 2018; for the median: Chen and
Revels, "Robust benchmarking in noisy environments", 2016).
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence

from domains.contract import Compared

_MAD = 1.4826
"""Scales the median absolute deviation to a standard deviation; `_MEDIAN` scales a mean's error to a median's."""
_MEDIAN = 1.2533


def compare(fresh: Callable[[], None], a: Callable[[], float], b: Callable[[], float], blocks: int) -> Compared:
    """Runs `blocks` blocks of A B B A, with `fresh` before each pair; `a` and `b` return positive seconds."""
    pairs: list[tuple[float, float]] = []
    for _ in range(blocks):
        for first, second in ((a, b), (b, a)):
            fresh()
            one, other = first(), second()
            pairs.append((one, other) if first is a else (other, one))
    return paired(pairs)


def paired(pairs: Sequence[tuple[float, float]]) -> Compared:
    """The comparison of pairs of seconds."""
    logs = [math.log(a / b) for a, b in pairs]
    middle = statistics.median(logs)
    deviation = statistics.median(abs(value - middle) for value in logs)
    return Compared(
        a_s=statistics.median(a for a, _ in pairs),
        b_s=statistics.median(b for _, b in pairs),
        ratio=math.exp(middle),
        spread=_MEDIAN * _MAD * deviation / math.sqrt(len(logs)),
    )
