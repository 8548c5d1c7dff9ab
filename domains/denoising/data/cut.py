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

from domains.contract import SPLITS, DataInvalid, Split
from domains.denoising.data.counts import Counts

MOST_CELLS = 3000
FEWEST_CELLS = 16
"""MAGIC looks for this many neighbours."""
FEWEST_MOLECULES = 10
"""In a cell of a split on average, so that about one is held out."""
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


def check_cut(counts: Counts, blocks: Cut) -> None:
    """Raises `DataInvalid` if a split has too few cells, or its cells too few molecules, to hold any out."""
    for split in SPLITS:
        rows = [row for block in blocks[split] for row in block]
        if len(rows) < FEWEST_CELLS:
            raise DataInvalid(
                f"{counts.name} gives {split} {len(rows)} of its {len(counts.cells)} cells, since a donor's cells stay "
                f"together, and at least {FEWEST_CELLS} are needed: merge donors, or leave the column of donors out."
            )
        molecules = int(counts.matrix[rows].sum())
        if molecules < FEWEST_MOLECULES * len(rows):
            raise DataInvalid(
                f"{counts.name} has {molecules} molecules in the {len(rows)} cells of {split}: "
                f"at least {FEWEST_MOLECULES} a cell are needed, since a tenth is held out."
            )


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
