"""What an agent's model is saying: seen while it arrives, and recorded nowhere. What counts is the reply in the log."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec

from engine.keys import redact
from engine.models.calling import CallerRole
from engine.models.protocol import OnText

KEPT = 4096
"""Characters at the end of a reply that are kept: more than a screen shows, and more than a key has."""
_UNFINISHED = re.compile(r"\S*\Z")


class Spoken(msgspec.Struct, frozen=True):
    """A reply that arrives: whose it is, how many characters there are, and the last of them, by whole words."""

    role: CallerRole
    characters: int
    end: str

    def tail(self, width: int) -> str:
        """The last words, on one line of at most `width` characters."""
        line = " ".join(self.end.split())
        return line if len(line) <= width else f"…{line[1 - width :]}"


class LiveText:
    """The reply that an agent's model is giving at this moment, if it is giving one. `watch` is called as it grows."""

    def __init__(self) -> None:
        self.watch: Callable[[], None] = lambda: None
        self._role: CallerRole | None = None
        self._characters, self._end = 0, ""

    @contextmanager
    def of(self, role: CallerRole) -> Iterator[Callable[[], OnText]]:
        """For one call: what is given begins the reply anew at each attempt; when the block ends there is none."""

        def begin() -> OnText:
            self._role, self._characters, self._end = role, 0, ""
            return self._hear

        try:
            yield begin
        finally:
            self._role = None

    def _hear(self, piece: str) -> None:
        self._characters += len(piece)
        self._end = (self._end + piece)[-KEPT:]
        self.watch()

    @property
    def now(self) -> Spoken | None:
        """The reply so far, with secrets replaced; a word that may not be whole is left out, since it may be a key."""
        if self._role is None or not self._end:
            return None
        return Spoken(self._role, self._characters, redact(_UNFINISHED.sub("", self._end)))
