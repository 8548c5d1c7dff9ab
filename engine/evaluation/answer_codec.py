"""Answers in the log: short ones as JSON text, long ones as a blob, very long ones that are no text by their digest.

A denoised matrix takes 100 MB, and a run has hundreds: what is kept of it is a name. It can be had again, since a
harness answers the same under the same seed, and the name tells whether it did.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import msgspec

from engine.events import blobs
from engine.events.types import BLOB

INLINE = 512
KEPT = 2 << 20
DIGEST = "digest:"


def pack(answer: Any) -> tuple[str, list[bytes]]:
    """What the event holds, and the blob contents that go with it."""
    if isinstance(answer, Named):
        return answer.stored, []
    text = msgspec.json.encode(answer, order="deterministic")
    if len(text) <= INLINE:
        return text.decode(), []
    if len(text) > KEPT and not isinstance(answer, str):  # what a person can read is kept, however long
        return f"{DIGEST}{hashlib.sha256(text).hexdigest()}:{len(text)}", []
    return BLOB + blobs.digest(text), [text]


def unpack(stored: str, blob: Callable[[str], bytes]) -> Any:
    """The answer again; None where there was none, and words where only its digest is kept."""
    if not stored:
        return None
    if stored.startswith(DIGEST):
        _, name, size = stored.split(":")
        return f"({int(size) / 1e6:.1f} MB, not kept; SHA-256 {name})"
    return msgspec.json.decode(blob(stored.removeprefix(BLOB)) if stored.startswith(BLOB) else stored)


class Named(msgspec.Struct, frozen=True):
    """Stands for an answer of which only the digest is kept."""

    stored: str


def light(answered: Any) -> Any:
    """The same `Answered`, without an answer that the log would not keep: a report holds many at once."""
    stored, _ = pack(answered.answer)
    return msgspec.structs.replace(answered, answer=Named(stored)) if stored.startswith(DIGEST) else answered


def short(answer: Any) -> str:
    """The answer, or its name, in a report of many."""
    return pack(answer)[0][:INLINE]


def whole(answer: Any) -> Any:
    """The answer where it is at hand, else None."""
    return None if isinstance(answer, Named) else answer
