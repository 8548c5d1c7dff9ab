"""What can be seen of an instance without reading it: its id, its place, its length. One row per instance."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from domains.contract import Instance
from engine.grading.labels.near_duplicates import text

if TYPE_CHECKING:
    import numpy as np

CYCLES = (2, 3, 4, 5, 6, 7, 8, 10, 12)
"""The periods that are tried: labels assigned in turn repeat after that many instances."""
_NUMBERS, _GRAMS = 3, 128


def read_ids(items: Sequence[Instance]) -> np.ndarray:
    """The ids: the places of their numbers among those of the split, and their pieces of one to four characters."""
    import numpy as np
    from sklearn.feature_extraction.text import HashingVectorizer

    ids = [item.id for item in items]
    numbers = np.zeros((len(ids), _NUMBERS))
    for row, name in enumerate(ids):
        # of a very long id only its end, which changes from id to id
        found = [int(digits[-9:]) for digits in re.findall(r"[0-9]+", name)][-_NUMBERS:]
        numbers[row, _NUMBERS - len(found) :] = found
    ranks = [_ranks(numbers[:, column]) for column in range(_NUMBERS)]
    pieces = HashingVectorizer(analyzer="char", ngram_range=(1, 4), n_features=_GRAMS, norm=None).transform(ids)
    return np.column_stack([*ranks, _ranks(np.array(ids)), _phases(numbers[:, -1]), pieces.toarray()])


def read_places(items: Sequence[Instance]) -> np.ndarray:
    """The places in the split, from 0 to 1, and modulo each of `CYCLES`."""
    import numpy as np

    places = np.arange(len(items), dtype=float)
    return np.column_stack([places / max(len(items) - 1, 1), _phases(places)])


def read_lengths(items: Sequence[Instance]) -> np.ndarray:
    """The sizes of the data: encoded, as text, in words, in lines, in parts; and the size modulo each of `CYCLES`,
    since blanks at the end of a text could encode its label."""
    import numpy as np

    sizes = np.array([_lengths(item.data) for item in items], dtype=float)
    whole = 1 if all(isinstance(item.data, str) for item in items) else 0
    return np.column_stack([sizes, _phases(sizes[:, whole])])


FEATURES: Mapping[str, Callable[[Sequence[Instance]], np.ndarray]] = {
    "id": read_ids,
    "order": read_places,
    "length": read_lengths,
}


def _lengths(data: Any) -> list[int]:
    plain = data if isinstance(data, str) else text(data)
    parts = len(data) if isinstance(data, (Mapping, list, tuple)) else 0
    return [len(msgspec.msgpack.encode(data)), len(plain), len(plain.split()), plain.count("\n"), parts]


def _ranks(values: np.ndarray) -> np.ndarray:
    """The rank of each value, from 0 to 1; equal values have one rank."""
    import numpy as np

    _, places = np.unique(values, return_inverse=True)
    return places / max(int(places.max(initial=0)), 1)


def _phases(numbers: np.ndarray) -> np.ndarray:
    import numpy as np

    return np.column_stack([numbers % cycle for cycle in CYCLES])
