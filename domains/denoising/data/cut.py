"""Splits cells into train, val and test: fixed for given data, disjoint in cells, and in donors if there are three.

Each donor, the largest first, goes as a whole to the split that lacks the most cells. Without donors the cells of each
label are distributed in the order of SHA-256 over their names. A large split is divided into blocks of at most
`MOST_CELLS`, so that the memory of one process does not grow with the data.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from math import ceil

from domains.contract import SPLITS, Split
from domains.denoising.data.counts import Counts

MOST_CELLS = 3000
Cut = dict[Split, list[list[int]]]
"""The blocks of each split, as rows of the matrix."""


def cut(counts: Counts) -> Cut:
    """The blocks of every split, in a fixed order."""
    order = sorted(range(len(counts.cells)), key=lambda row: _rank(counts.cells[row]))
    if counts.donors is not None and len(set(counts.donors)) >= len(SPLITS):
        home = _by_donor(counts.donors)
        placed = {row: home[counts.donors[row]] for row in order}
    else:
        placed = _deal(order, counts.labels)
    return {split: _blocks([row for row in order if placed[row] == split]) for split in SPLITS}


def _by_donor(donors: Sequence[str]) -> dict[str, Split]:
    lacking: dict[Split, float] = dict.fromkeys(SPLITS, len(donors) / len(SPLITS))
    home: dict[str, Split] = {}
    for donor, cells in sorted(Counter(donors).items(), key=lambda item: (-item[1], item[0])):
        home[donor] = max(SPLITS, key=lambda split: lacking[split])
        lacking[home[donor]] -= cells
    return home


def _deal(order: Sequence[int], labels: Sequence[str] | None) -> dict[int, Split]:
    by_label = sorted(order, key=lambda row: labels[row]) if labels else order  # stable: within a label by rank
    return {row: SPLITS[place % len(SPLITS)] for place, row in enumerate(by_label)}


def _blocks(rows: Sequence[int]) -> list[list[int]]:
    number = max(1, ceil(len(rows) / MOST_CELLS))
    return [sorted(rows[start::number]) for start in range(number)]


def _rank(cell: str) -> bytes:
    return hashlib.sha256(f"denoising/{cell}".encode()).digest()
