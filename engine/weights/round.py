"""The samples of a round laid out flat: one entry a sampled token, found again in the rows that compute it."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from engine.weights.objective import Group
from engine.weights.sample import Call, Sample
from engine.weights.trie import Row, rows

Unit = list[Row]
"""The rows of one instance."""


class Round(NamedTuple):
    """All entries in the order of samples, calls and tokens: an episode is a slice.

    `owner[i]` is the sample of entry i, `first[c]` the first entry of call c; a path in `units` is owned by its call.
    """

    samples: Sequence[Sample]
    groups: Sequence[Group]
    units: list[Unit]
    owner: list[int]
    first: list[int]
    episodes: dict[int, range]

    def entries(self, some: Sequence[Row]) -> tuple[list[int], list[int]]:
        """The entries that `some` rows compute, and for each its node, counted over all these rows."""
        found: list[int] = []
        nodes: list[int] = []
        before = 0
        for row in some:
            for call, path in row.paths:
                found += range(self.first[call], self.first[call] + len(path))
                nodes += (before + node for node in path)
            before += len(row.token)
        return found, nodes


def laid_out(samples: Sequence[Sample], groups: Sequence[Group]) -> Round:
    """The round of these groups of `samples`; calls that sampled nothing are left out."""
    owner: list[int] = []
    first: list[int] = []
    units: list[Unit] = []
    kept: list[Group] = []
    episodes: dict[int, range] = {}
    for group in groups:
        calls: list[tuple[int, Call]] = []
        for place in group:
            start = len(owner)
            for call in samples[place].calls:
                calls.append((len(first), call))
                first.append(len(owner))
                owner += [place] * len(call.tokens)
            if len(owner) > start:
                episodes[place] = range(start, len(owner))
        unit = rows(calls)
        if unit:
            units.append(unit)
            kept.append([place for place in group if place in episodes])
    return Round(samples, kept, units, owner, first, episodes)


def steps(round: Round, batch: int, seed: int) -> list[list[int]]:
    """The units in a random order, so many together that they hold `batch` samples or a little more."""
    order = list(range(len(round.units)))
    random.Random(seed).shuffle(order)
    found: list[list[int]] = []
    count = batch
    for unit in order:
        if count >= batch:
            found.append([])
            count = 0
        found[-1].append(unit)
        count += len(round.groups[unit])
    return found


def portions(units: Sequence[Unit], tokens: int, *, whole: bool = False) -> Iterator[list[Row]]:
    """Rows of like length, padded to no more than `tokens` together unless one has more; `whole` keeps units whole."""
    blocks = list(units) if whole else [[row] for unit in units for row in unit]
    blocks.sort(key=lambda block: max(row.size for row in block))
    portion: list[Row] = []
    for block in blocks:
        together = [*portion, *block]
        if portion and max(row.size for row in together) * len(together) > tokens:
            yield portion
            portion = list(block)
        else:
            portion = together
    if portion:
        yield portion
