"""What a live engine does inside a step: seen while it lasts, and recorded nowhere. The log says what came of it."""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec

Tell = Callable[[str, int, int], None]
"""Is told what is done, how many parts of it are, and of how many."""
EVERY_S = 0.2
"""Seconds between two reports on the same work; other work is told at once."""
MOST = 100
"""Characters of what a domain may call its work."""


class Calls(msgspec.Struct, frozen=True):
    """So many calls of `model` are with its server, the oldest since `since` (microseconds since 1970)."""

    model: str
    count: int
    since: int


class Work(msgspec.Struct, frozen=True):
    """`done` of `total` parts of `what` are done; empty where a step counts nothing that its events do not tell."""

    what: str = ""
    done: int = 0
    total: int = 0
    calls: Calls | None = None


class LiveWork:
    """What the step that is open has told of itself last."""

    def __init__(self) -> None:
        self._now = Work()

    def tell(self, what: str, done: int, total: int) -> None:
        """Says how far the step is with something that it does."""
        self._now = Work(what, done, total)

    def clear(self) -> None:
        """Forgets it: another step begins, or none is open."""
        self._now = Work()

    def with_calls(self, calls: Calls | None) -> Work:
        """What was told, and the calls that are with a server."""
        return msgspec.structs.replace(self._now, calls=calls)


class Telling:
    """Passes on to `tell` what is new and not too soon."""

    def __init__(self, tell: Tell) -> None:
        self._tell, self._what, self._at = tell, "", 0.0

    def __call__(self, what: str, done: int, total: int) -> None:
        now = time.monotonic()
        if what != self._what or now - self._at >= EVERY_S:
            self._what, self._at = what, now
            self._tell(what[:MOST], done, total)
