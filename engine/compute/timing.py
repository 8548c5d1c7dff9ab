"""Paired timing of two programs on a noisy machine.

A machine's speed may drift by half within seconds; the ratio of two consecutive calls does not. Blocks are ABBA, so
that a linear drift cancels (Maricq et al., "Taming performance variability", OSDI 2018; for the median: Chen and
Revels, "Robust benchmarking in noisy environments", 2016).

Steady work of others moves the ratio in all pairs alike, since it slows one program more than the other, and no
statistic of the pairs shows that. So what others use is measured (`interference`), while `b` stands still: `b` may be
a candidate, which could make its own work look like others'. A disturbed block is repeated; where that does not help,
a quiet machine is waited for; where there is none, the comparison says that it was disturbed.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from domains.contract import Compared
from engine.compute import interference
from engine.compute.interference import Counts
from engine.compute.patience import Patience

_MAD = 1.4826
"""Scales the median absolute deviation to a standard deviation; `_MEDIAN` scales a mean's error to a median's."""
_MEDIAN = 1.2533
BLOCKS = 2
"""How many times as many blocks as planned are run, before a quiet machine is waited for."""
ATTEMPTS = 3
_CALLS, _WINDOWS = 2, 3
"""Of a block: calls of `a`, and the windows between the calls of `b`."""
Call = Callable[[], float]
Pair = tuple[float, float]


def compare(
    fresh: Callable[[], None],
    a: Call,
    b: Call,
    blocks: int,
    read: Callable[[], Counts] = Counts,
    patience: Patience | None = None,
) -> Compared:
    """Runs blocks of A B B A until `blocks` were undisturbed, with `fresh` before each pair.

    `a` and `b` return positive seconds. `read` gives the counts of now, without which nothing counts as disturbed.
    """
    for _ in range(ATTEMPTS):
        pairs, disturbed = _attempt(fresh, a, b, blocks, read)
        if not disturbed:
            if patience:
                patience.renew()
            break
        if patience is None or not patience.wait(disturbed):
            break
    return msgspec.structs.replace(paired(pairs), disturbed=disturbed)


def paired(pairs: Sequence[Pair]) -> Compared:
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


class _Block(NamedTuple):
    """The pairs of a block, and what was spent while `b` stood still."""

    pairs: list[Pair]
    spent: Counts


def _attempt(
    fresh: Callable[[], None], a: Call, b: Call, blocks: int, read: Callable[[], Counts]
) -> tuple[list[Pair], str]:
    """The pairs that count, and why they are disturbed."""
    kept: list[_Block] = []
    every: list[_Block] = []
    while len(kept) < blocks and len(every) < BLOCKS * blocks:
        block = _block(fresh, a, b, read)
        every.append(block)
        if interference.share_waited(block.spent, _CALLS) <= interference.LIMIT:
            kept.append(block)
    spent = _total(every)
    disturbed = ""
    if (share := interference.share_of_others(spent, _WINDOWS * len(every))) > interference.LIMIT:
        disturbed = f"others used {share:.0%} of the processors"
    elif len(kept) < blocks:
        share = interference.share_waited(spent, _CALLS * len(every))
        disturbed = f"others kept the processors busy for {share:.0%} of the time in which they were wanted"
    return [pair for block in (every if disturbed else kept) for pair in block.pairs], disturbed


def _block(fresh: Callable[[], None], a: Call, b: Call, read: Callable[[], Counts]) -> _Block:
    pairs: list[Pair] = []
    spent, since = Counts(), read()
    for first, second in ((a, b), (b, a)):
        fresh()
        seconds = []
        for call in (first, second):
            if call is b:
                spent = spent.plus(since, read())
            seconds.append(call())
            if call is b:
                since = read()
        pairs.append((seconds[0], seconds[1]) if first is a else (seconds[1], seconds[0]))
    return _Block(pairs, spent.plus(since, read()))


def _total(blocks: Sequence[_Block]) -> Counts:
    total = Counts()
    for block in blocks:
        total = total.plus(Counts(), block.spent)
    return total
