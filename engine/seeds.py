"""Randomness as a function of the run's seed and of what it is for, so that order and workers change nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import msgspec


def derive(seed: int, *purpose: str | int) -> int:
    """A 48-bit seed for `purpose` under the run's `seed`."""
    material = msgspec.json.encode([seed, *purpose])
    return int.from_bytes(hashlib.sha256(material).digest()[:6], "big")


def opaque_id(seed: int, name: str) -> str:
    """The id that a harness sees for the instance `name`: the same in each generation, and without meaning."""
    return hashlib.sha256(msgspec.json.encode([seed, "id", name])).hexdigest()[:20]


def sample(ids: Iterable[str], size: int, seed: int, *purpose: str | int) -> list[str]:
    """`size` of `ids` in sorted order, chosen by hashing: the rank of an id does not depend on the others."""

    def place(name: str) -> bytes:
        return hashlib.sha256(msgspec.json.encode([seed, *purpose, name])).digest()

    return sorted(sorted(ids, key=place)[:size])
