"""Near-duplicate texts: MinHash finds the candidates, the exact Jaccard similarity decides.

Two texts are near-duplicates where the sets of their 5-character shingles overlap by at least `THRESHOLD`. With 32
bands of 2 permutations a pair at the threshold escapes the candidates with probability (1 - 0.5^2)^32 = 1e-4, and no
pair below it can pass, so the result does not depend on how a release of datasketch draws its permutations.
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

SHINGLE = 5
THRESHOLD = 0.5
BANDS, ROWS = 32, 2


def pairs(texts: Sequence[str]) -> Iterator[tuple[int, int]]:
    """The pairs (i, j), i < j, of positions in `texts` whose texts are near-duplicates, ordered by j."""
    from datasketch import MinHash, MinHashLSH

    shingles = [_shingles(text) for text in texts]
    index = MinHashLSH(num_perm=BANDS * ROWS, params=(BANDS, ROWS))
    for later, mine in enumerate(shingles):
        sketch = MinHash(num_perm=BANDS * ROWS, hashfunc=zlib.crc32)
        sketch.update_batch([shingle.encode() for shingle in mine])
        for earlier in sorted(index.query(sketch)):
            if jaccard(shingles[earlier], mine) >= THRESHOLD:
                yield earlier, later
        index.insert(later, sketch)


def groups(size: int, linked: Iterable[tuple[int, int]]) -> list[list[int]]:
    """Splits range(`size`) into the connected components of `linked`, each ascending, ordered by first member."""
    parent = list(range(size))

    def root(item: int) -> int:
        while parent[item] != item:
            parent[item] = parent[parent[item]]
            item = parent[item]
        return item

    for one, other in linked:
        low, high = sorted((root(one), root(other)))
        parent[high] = low
    members: defaultdict[int, list[int]] = defaultdict(list)
    for item in range(size):
        members[root(item)].append(item)
    return [members[first] for first in sorted(members)]


def jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    """The share of the shingles of either that both have."""
    common = len(one & other)
    return common / (len(one) + len(other) - common)


def _shingles(text: str) -> frozenset[str]:
    return frozenset(text[start : start + SHINGLE] for start in range(max(1, len(text) - SHINGLE + 1)))
