"""What the lines of a client have said so far."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec

from engine.usage import Usage

_MOST = 1 << 40
"""Tokens of an errand."""


@dataclass
class Reading:
    """Counts are of the whole errand; `usd` is None where the client tells no price.

    `edited` are the paths that it says it has written, `text` the last that it said, `error` its own error, and
    `closed` whether it said that it has ended. `login` is "key", "subscription" or "unknown".
    """

    model: str = ""
    login: str = "unknown"
    turns: int = 0
    usage: Usage = field(default_factory=Usage)
    usd: float | None = None
    text: str = ""
    error: str = ""
    edited: list[str] = field(default_factory=list)
    closed: bool = False
    last: str = ""
    """The name of the last message, for clients that tell of one message in several lines."""

    @property
    def new_tokens(self) -> int:
        """Tokens without those that were read from a cache, which each turn reads again."""
        return self.usage.total - self.usage.cache_read


def parsed(line: bytes) -> dict[str, Any]:
    """The object in a line; empty for a line that holds none, as warnings do not."""
    try:
        found = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}
    return found if isinstance(found, dict) else {}


def child(found: object, *names: str) -> Any:
    """The value below `names`; an empty object where there is none."""
    for name in names:
        found = found.get(name) if isinstance(found, dict) else None
    return {} if found is None else found


def count(found: object) -> int:
    """A number of tokens or turns; 0 for what is none, or what no errand can reach."""
    return found if isinstance(found, int) and 0 < found <= _MOST else 0


def added(one: Usage, other: Usage) -> Usage:
    """The sum of two usages."""
    return Usage(
        one.input + other.input,
        one.output + other.output,
        one.cache_read + other.cache_read,
        one.cache_write + other.cache_write,
    )
