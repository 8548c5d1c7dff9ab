"""Candidates that know what others do not: the archive of `train`, and merges of two of its harnesses.

Two candidates that were made from the same one, and changed different files or different lines, give a third by git's
three-way merge. It takes no call of a model, and is a candidate like any other: it is tried, and the gate judges it.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from engine.agents import decisions
from engine.agents.archive import Archive, archive, by_slice, slices_of
from engine.agents.protocol import InvalidCall, View
from engine.agents.run_record import RunRecord
from harness_repo.harness import Harness
from harness_repo.merge import merge
from harness_repo.repository import GitMissing

LATEST = 50
"""So many of the latest candidates are in the archive, beside the incumbent."""
_PAIRED = 6
"""So many members of the archive, those that are ahead on most instances, are merged with each other."""


class Merge(NamedTuple):
    """The merge of candidates `one` and `other`, which were both made from `base`."""

    one: int
    other: int
    base: int
    harness: Harness

    @property
    def said(self) -> str:
        """What it is, in a few words."""
        return f"candidates {self.one} and {self.other} merged"


def of_train(view: View, record: RunRecord) -> Archive:
    """Which candidates, under the incumbent's weights, are best on which instances of `train`."""
    return archive(_scores(view, record), view.incumbent)


def place(record: RunRecord) -> str:
    """What the archive of `train` is about."""
    return "slice" if slices_of(record.train.values()) else "instance"


def merges(view: View, record: RunRecord, most: int = 1) -> list[Merge]:
    """Merges that nobody has judged, those first of whose candidates one or the other is right most often."""
    scores = _scores(view, record)
    found = archive(scores, view.incumbent)
    ahead = sorted((one for one in found.members if one.ahead), key=lambda one: (-len(one.ahead), one.candidate))
    chosen = sorted({view.incumbent, *(one.candidate for one in ahead[:_PAIRED])} & scores.keys())
    pairs = sorted(itertools.combinations(chosen, 2), key=lambda pair: (-_together(scores, *pair), pair))
    parents = {one.n: one.parent for one in record.candidates()}
    made: list[Merge] = []
    for one, other in pairs:
        base = _common(parents, one, other)
        if base is None or base in (one, other) or len(made) == most:
            continue
        harness = _merged(record, base, one, other)
        if harness is not None and not decisions.known(view, record, harness):
            made.append(Merge(one, other, base, harness))
    return made


def merge_two(record: RunRecord, numbers: Sequence[int]) -> Mapping[str, bytes]:
    """The files of two candidates merged; raises `InvalidCall` where they cannot be."""
    parents = {one.n: one.parent for one in record.candidates()}
    if len(set(numbers)) != 2 or not set(numbers) <= parents.keys():
        raise InvalidCall(f"merge takes two different candidates; there are {', '.join(map(str, parents)) or 'none'}")
    one, other = numbers
    base = _common(parents, one, other)
    if base is None or base in (one, other):
        raise InvalidCall(f"candidates {one} and {other} were not both made from a third: there is nothing to merge")
    if (harness := _merged(record, base, one, other)) is None:
        raise InvalidCall(f"candidates {one} and {other} changed the same lines or values of candidate {base}")
    return harness.files


def _merged(record: RunRecord, base: int, one: int, other: int) -> Harness | None:
    versions = [record.files(n) for n in (base, one, other)]
    if any(files is None for files in versions):
        return None
    try:
        return merge(*(files or {} for files in versions))
    except GitMissing:
        return None


def _scores(view: View, record: RunRecord) -> dict[int, dict[str, float]]:
    """By candidate, its scores on its sample of `train`, the mean of repeats; without those that were refused."""
    known = [past for past in view.past if past.weights == view.weights and not past.refused]
    kept = [past for place, past in enumerate(known, LATEST - len(known)) if place >= 0 or past.n == view.incumbent]
    slices = slices_of(record.train.values())
    found: dict[int, dict[str, float]] = {}
    for past in kept:
        repeats: dict[str, list[float]] = {}
        for row in record.train_results(past.n):
            repeats.setdefault(row.instance, []).append(row.score)
        means = {instance: sum(values) / len(values) for instance, values in repeats.items()}
        found[past.n] = by_slice(means, slices)
    return found


def _together(scores: Mapping[int, Mapping[str, float]], one: int, other: int) -> float:
    """What both would score together, were each instance answered by whoever is better there."""
    low, high = scores[one], scores[other]
    return sum(max(low[instance], high[instance]) for instance in low.keys() & high.keys())


def _common(parents: Mapping[int, int | None], one: int, other: int) -> int | None:
    """The nearest candidate from which both came."""
    line = _line(parents, one)
    return next((n for n in _line(parents, other) if n in line), None)


def _line(parents: Mapping[int, int | None], n: int) -> list[int]:
    """The candidate and those that it came from, the nearest first."""
    line: list[int] = []
    at: int | None = n
    while at is not None and at not in line:
        line.append(at)
        at = parents.get(at)
    return line
