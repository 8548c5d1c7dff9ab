"""The base of every payload, and the registry of event types."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, TypeVar

import msgspec


class Payload(msgspec.Struct, frozen=True, omit_defaults=True):
    """Base of every event's payload. `version` rises when the meaning of a stored payload changes."""

    type: ClassVar[str]
    version: ClassVar[int] = 1

    def blobs(self) -> list[str]:
        """The names of the blobs that this payload needs."""
        return []

    def withheld(self) -> list[str]:
        """Those of them that may hold text of instances: an export leaves them out, unless made with data."""
        return []

    @property
    def is_talk(self) -> bool:
        """Whether it belongs to a person's questions to the agent, which no step and no decision rests on."""
        return getattr(self, "role", "") == "talk"


class Unread(Payload, frozen=True):
    """Stands for a stored payload that is not one of its type, as earlier releases could write; it changes nothing."""

    type: ClassVar[str] = "unread"
    problem: str


PAYLOADS: dict[str, type[Payload]] = {}
"""Every event type by its name."""
_Kind = TypeVar("_Kind", bound=type[Payload])


def event(name: str) -> Callable[[_Kind], _Kind]:
    """Registers a payload as the event type `name`."""

    def register(kind: _Kind) -> _Kind:
        if name in PAYLOADS:
            raise TypeError(f"two event types are called {name}")
        kind.type = name
        PAYLOADS[name] = kind
        return kind

    return register
