"""The envelope of an event and the hash that chains it to the one before."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from engine.events.codec import decode
from engine.events.types import Payload

GENESIS = "0" * 64


class Event(msgspec.Struct, frozen=True):
    """One stored event. `n` counts within the run's history; `at` is microseconds since 1970, in UTC."""

    seq: int
    run: str
    n: int
    type: str
    v: int
    at: int
    generation: int
    stored: bytes
    prev_hash: str
    hash: str

    @property
    def payload(self) -> Payload:
        """The payload in its current type."""
        return decode(self.type, self.v, self.stored)

    def expected_hash(self) -> str:
        """The hash that these contents should have."""
        return chain_hash(self.prev_hash, self.run, self.n, self.type, self.v, self.at, self.generation, self.stored)


def chain_hash(prev_hash: str, run: str, n: int, kind: str, v: int, at: int, generation: int, stored: bytes) -> str:
    """SHA-256 over the header as a JSON array, a newline, and the stored payload."""
    header: list[Any] = [prev_hash, run, n, kind, v, at, generation]
    return hashlib.sha256(msgspec.json.encode(header) + b"\n" + stored).hexdigest()
