"""The samples of a round as flat arrays: one entry for each sampled token, mapped to the rows that compute it."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from engine.models.backends.trie import Call, Row, batches, rows
from engine.weights.algorithms import preference
from engine.weights.objective import Group
from engine.weights.sample import Sample

Unit = list[Call]
"""The calls of one instance."""


class Round(NamedTuple):
    """All entries in the order of samples, calls and tokens; an episode is a slice of them.

    `owner[i]` is the sample of entry i, `first[c]` the first entry of call c. Calls are numbered through the round.
    """

    samples: Sequence[Sample]
    groups: Sequence[Group]
    units: list[Unit]
    owner: list[int]
    first: list[int]
    episodes: dict[int, range]

    @property
    def taught(self) -> int:
        """The number of samples."""
        return sum(map(len, self.groups))

    def entries(self, some: Sequence[Row]) -> tuple[list[int], list[int]]:
        """The entries that the rows compute, and the target node of each."""
        found: list[int] = []
        places: list[int] = []
        before = 0
        for row in some:
            for call, path in row.paths:
                found += range(self.first[call], self.first[call] + len(path))
                places += (before + place for place in path)
            before += len(row.targets)
        return found, places


def lay_out(samples: Sequence[Sample], groups: Sequence[Group]) -> Round:
    """The round of these groups of `samples`; calls without sampled tokens are left out."""
    owner: list[int] = []
    first: list[int] = []
    units: list[Unit] = []
    kept: list[Group] = []
    episodes: dict[int, range] = {}
    for group in groups:
        unit: Unit = []
        for place in group:
            start = len(owner)
            for call in samples[place].calls:
                unit.append((len(first), call.prompt, call.tokens))
                first.append(len(owner))
                owner += [place] * len(call.tokens)
            if len(owner) > start:
                episodes[place] = range(start, len(owner))
        if any(place in episodes for place in group):
            units.append(unit)
            kept.append([place for place in group if place in episodes])
    return Round(samples, kept, units, owner, first, episodes)


def steps(round: Round, batch: int, seed: int) -> list[list[int]]:
    """The units in a random order, in batches of at least `batch` samples."""
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
    """Batches of rows, padded to at most `tokens` unless a single row has more.

    `whole` keeps the rows of a unit together, for losses that need all of them.
    """
    if not whole:
        yield from batches(rows((call for unit in units for call in unit), tokens // 2), tokens)
        return
    portion: list[Row] = []
    calls: Unit = []
    for unit in units:
        together = rows([*calls, *unit], tokens)
        if calls and max(row.size for row in together) * len(together) > tokens:
            yield portion
            calls, together = [], rows(unit, tokens)
        portion, calls = together, [*calls, *unit]
    if portion:
        yield portion


def pairs(round: Round, unit: int) -> list[tuple[int, int]]:
    """The pairs (better, worse) of a unit's samples, as indices."""
    group = round.groups[unit]
    found = preference.pairs([round.samples[place].reward for place in group])
    return [(group[better], group[worse]) for better, worse in found]
