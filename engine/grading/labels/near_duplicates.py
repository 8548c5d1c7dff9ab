"""Near-duplicates: which texts have nearly the same text in another collection.

Two texts are near-duplicates if the cosine of their character five-grams, weighted by tf-idf so that what all texts
have in common counts for little, is at least `NEAR` (Salton and Buckley, "Term-weighting approaches in automatic text
retrieval", 1988). Every text is compared with every other, without a random sketch, in chunks and until a deadline.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from domains.contract import Instance
from engine.seeds import sample

NEAR = 0.8
LETTERS = 2_000
"""The characters of a text that are compared."""
MOST = 4_000
"""The texts of a collection that are compared, chosen by the hash of their ids."""
PATIENCE_S = 20.0
_GRAM, _CHUNK, _LISTED = 5, 128, 5


class Neighbour(msgspec.Struct, frozen=True):
    """The text of `others` that is nearest to one of `texts`, by their positions."""

    text: int
    other: int
    similarity: float


class NearDuplicates(msgspec.Struct, frozen=True):
    """How many of `compared` instances of a split have a near-duplicate among the instances of an earlier one.

    `of` counts all instances of the split; `examples` are `split/id ~ split/id`.
    """

    split: str
    other: str
    of: int
    compared: int
    found: int
    examples: list[str]


def compare(split: str, items: Sequence[Instance], other: str, others: Sequence[Instance]) -> NearDuplicates:
    """The near-duplicates of two splits, within about `PATIENCE_S` seconds; exact copies are among them."""
    few, known = choose(items), choose(others)
    found = list(nearest([text(one.data) for one in few], [text(one.data) for one in known], PATIENCE_S))
    near = sorted((one for one in found if one.similarity >= NEAR), key=lambda one: (-one.similarity, one.text))
    names = [f"{split}/{few[one.text].id} ~ {other}/{known[one.other].id}" for one in near]
    return NearDuplicates(split, other, len(items), len(found), len(near), names[:_LISTED])


def choose(items: Sequence[Instance]) -> list[Instance]:
    """At most `MOST` of the instances, in their order, always the same ones."""
    chosen = set(sample((item.id for item in items), MOST, 1, "near-duplicates"))
    return [item for item in items if item.id in chosen]


def text(data: Any) -> str:
    """The beginning of all texts and numbers in `data`, without differences of case and spacing."""
    parts: list[str] = []
    room = LETTERS
    for value in leaves(data):
        part = " ".join(value[:room].casefold().split()) if isinstance(value, str) else str(value)
        parts.append(part)
        room -= len(part) + 1
        if room <= 0:
            break
    return " ".join(parts)[:LETTERS]


def nearest(texts: Sequence[str], others: Sequence[str], patience_s: float) -> Iterator[Neighbour]:
    """The nearest of `others` for each of `texts`, in order, until `patience_s` seconds have passed."""
    if not texts or not others:
        return
    from scipy.sparse import vstack
    from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer

    until = time.monotonic() + patience_s
    # texts without five characters have no five-gram: the padding gives them one
    pad = " " * (_GRAM - 1)
    grams = HashingVectorizer(
        analyzer="char", ngram_range=(_GRAM, _GRAM), n_features=2**20, norm=None, alternate_sign=False
    )
    known, asked = (grams.transform([f"{one}{pad}" for one in some]) for some in (others, texts))
    weights = TfidfTransformer().fit(vstack([known, asked]))
    known = weights.transform(known).T.tocsr()
    for begin in range(0, len(texts), _CHUNK):
        if begin and time.monotonic() > until:
            return
        similar = (weights.transform(asked[begin : begin + _CHUNK]) @ known).tocsr()
        for row in range(similar.shape[0]):
            first, last = similar.indptr[row], similar.indptr[row + 1]
            if first == last:
                yield Neighbour(begin + row, 0, 0.0)
                continue
            best = first + int(similar.data[first:last].argmax())
            yield Neighbour(begin + row, int(similar.indices[best]), float(similar.data[best]))


def leaves(value: Any) -> Iterator[Any]:
    """The texts and numbers in `value`, at any depth, and the keys of its maps as texts."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield str(key)
            yield from leaves(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from leaves(inner)
    elif isinstance(value, (str, int, float)):
        yield value
