"""The domain toy: digits in drawings of eight by eight squares, made by a program; no data, no download."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import msgspec

from domains.contract import DataMissing, Domain, Grade, Graded, Instance, Split, Summary
from domains.toy.drawing import SHADES, draw, hand


class Part(NamedTuple):
    """By split, the number of hands and of drawings by each."""

    hands: int
    drawings: int


CUT: dict[Split, Part] = {"train": Part(100, 5), "val": Part(40, 5), "test": Part(100, 5)}


class Toy:
    """`Instance.data` is a drawing (str, eight lines of `SHADES`), `label` its digit (int)."""

    def __init__(self) -> None:
        self._splits = {split: list(_draw_split(split, part)) for split, part in CUT.items()}

    def digest(self) -> str:
        """SHA-256 over all drawings, their digits and the cut."""
        return hashlib.sha256(msgspec.json.encode(self._splits)).hexdigest()

    def instances(self, split: Split) -> Sequence[Instance]:
        """The drawings of a split, hand by hand."""
        return self._splits[split]

    def grade(self, instance: Instance, answer: Any) -> Grade:
        """1.0 for the digit as a whole number, else 0.0."""
        right = type(answer) is int and answer == instance.label
        return Grade(float(right), detail=f"given {str(answer)[:40]}, expected {instance.label}")

    def summarise(self, split: Split, graded: Sequence[Graded]) -> Summary:
        """The accuracy of each digit as a subset, and their mean as macro."""
        digits = sorted({int(one.instance.label) for one in graded})
        rows = {digit: [one for one in graded if one.instance.label == digit] for digit in digits}
        means = [sum(one.grade.score for one in found) / len(found) for found in rows.values()]
        subsets = {f"digit {digit}": [one.instance.id for one in found] for digit, found in rows.items()}
        return Summary(macro=sum(means) / len(means) if means else None, subsets=subsets)

    def baselines(self, train: Sequence[Instance], on: Sequence[Instance]) -> Mapping[str, Sequence[Any]]:
        """Logistic regression, as scikit-learn sets it, on the shades as numbers."""
        from sklearn.linear_model import LogisticRegression

        model = LogisticRegression(max_iter=1000).fit(_shades(train), [one.label for one in train])
        return {"logistic regression": [int(digit) for digit in model.predict(_shades(on))]}


def _draw_split(split: Split, part: Part) -> list[Instance]:
    # shuffled, so that neither an id nor a place in the split tells a digit
    digits = [*range(10)] * (part.hands * part.drawings // 10)
    Random(f"{split} digits").shuffle(digits)
    found = []
    for number in range(part.hands):
        rng = Random(f"{split} {number}")
        by = hand(rng)
        for at in range(part.drawings):
            digit = digits.pop()
            found.append(Instance(f"{split}-{number}-{at}", draw(digit, by, rng), digit))
    return found


def _shades(instances: Sequence[Instance]) -> list[list[float]]:
    black = len(SHADES) - 1
    return [[SHADES.index(shade) / black for shade in one.data if shade != "\n"] for one in instances]


def load(data: Path | None) -> Domain:
    """The drawings; raises `DataMissing` where data is named, since there is none."""
    if data is not None:
        raise DataMissing("The domain toy draws its instances itself: leave --data out.")
    return Toy()
