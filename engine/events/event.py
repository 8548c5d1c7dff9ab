"""The envelope of an event and the hash that chains it to the one before."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from engine.errors import SiaError
from engine.events.codec import Unreadable, decode
from engine.events.types import Payload, Unread

GENESIS = "0" * 64
_State = TypeVar("_State")


class DoesNotFit(SiaError, LookupError):
    """An event that names a generation or a version which the history before it does not have."""

    def __init__(self, n: int, kind: str) -> None:
        super().__init__(
            f"event {n} ({kind}) does not fit what came before it",
            f"`sia verify` says what is wrong; `sia fork RUN --at {n - 1}` goes on from before it",
        )


def fitting(evolve: Callable[[_State, Event], _State]) -> Callable[[_State, Event], _State]:
    """`evolve`, which folds an event into a state, with `DoesNotFit` for what it looks up in vain."""

    @functools.wraps(evolve)
    def evolved(state: _State, event: Event) -> _State:
        try:
            return evolve(state, event)
        except LookupError:
            raise DoesNotFit(event.n, event.type) from None

    return evolved


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
        """The payload in its current type; `Unread` where it is not one of its type."""
        try:
            return _decoded(self.type, self.v, self.stored)
        except Unreadable as error:
            return Unread(error.message)

    def as_json(self) -> msgspec.Raw:
        """The stored payload; as a text where it is no JSON."""
        try:
            msgspec.json.decode(self.stored)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return msgspec.Raw(msgspec.json.encode(self.stored.decode("utf-8", "replace")))
        return msgspec.Raw(self.stored)

    def expected_hash(self) -> str:
        """The hash that these contents should have."""
        return chain_hash(self.prev_hash, self.run, self.n, self.type, self.v, self.at, self.generation, self.stored)


@functools.lru_cache(maxsize=8)
def _decoded(kind: str, version: int, stored: bytes) -> Payload:
    """Decodes an event once for all that look at it in turn; no more are kept, as a log has many."""
    return decode(kind, version, stored)


def chain_hash(prev_hash: str, run: str, n: int, kind: str, v: int, at: int, generation: int, stored: bytes) -> str:
    """SHA-256 over the header as a JSON array, a newline, and the stored payload."""
    import hashlib  # the app's first paint does without

    header: list[Any] = [prev_hash, run, n, kind, v, at, generation]
    return hashlib.sha256(msgspec.json.encode(header) + b"\n" + stored).hexdigest()
