"""Answers in the log: short ones as JSON text, long ones as a blob."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from engine.events import blobs
from engine.events.types import BLOB

INLINE = 512


def pack(answer: Any) -> tuple[str, list[bytes]]:
    """What the event holds, and the blob contents that go with it."""
    text = msgspec.json.encode(answer, order="deterministic")
    if len(text) <= INLINE:
        return text.decode(), []
    return BLOB + blobs.digest(text), [text]


def unpack(stored: str, blob: Callable[[str], bytes]) -> Any:
    """The answer again; None where there was none."""
    if not stored:
        return None
    return msgspec.json.decode(blob(stored.removeprefix(BLOB)) if stored.startswith(BLOB) else stored)
