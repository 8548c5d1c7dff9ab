"""Answers in the log: short ones as JSON text, long ones as a blob, very long ones that are not text as a digest.

A denoised matrix takes 100 MB, and a run has hundreds, so only a digest is kept. The answer can be computed again: a
harness gives the same answer under the same seed, and the digest shows whether it did.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import msgspec

from engine.evaluation.trial import Answer
from engine.events.storage import blobs
from engine.events.types import BLOB

INLINE = 512
KEPT = 2 << 20
LOG_BYTES = 64 << 10
DIGEST = "digest:"


def pack(answer: Any) -> tuple[str, list[bytes]]:
    """The answer as the event stores it, and the contents of the blobs that it names."""
    if isinstance(answer, StoredAnswer):
        return answer.stored, []
    text = msgspec.json.encode(answer, order="deterministic")
    if len(text) <= INLINE:
        return text.decode(), []
    if len(text) > KEPT and not isinstance(answer, str):  # text is kept, however long
        return f"{DIGEST}{hashlib.sha256(text).hexdigest()}:{len(text)}", []
    return BLOB + blobs.digest(text), [text]


def pack_log(log: str) -> tuple[str, list[bytes]]:
    """The name of the blob with the beginning of a log, and its contents; nothing for an empty log."""
    text = log.encode("utf-8", "surrogatepass")[:LOG_BYTES]
    return (blobs.digest(text), [text]) if text else ("", [])


def pack_with_log(answer: Answer) -> tuple[str, str, list[bytes]]:
    """An answer and its log as the event stores them, and the contents of the blobs; a failed answer has no value."""
    stored, contents = ("", []) if answer.failure else pack(answer.value)
    log, log_contents = pack_log(answer.log)
    return stored, log, contents + log_contents


def unpack(stored: str, blob: Callable[[str], bytes]) -> Any:
    """The stored answer; None if there was none, a sentence if only its digest is kept."""
    if not stored:
        return None
    if stored.startswith(DIGEST):
        _, name, size = stored.split(":")
        return f"({int(size) / 1e6:.1f} MB, not kept; SHA-256 {name})"
    return msgspec.json.decode(blob(stored.removeprefix(BLOB)) if stored.startswith(BLOB) else stored)


class StoredAnswer(msgspec.Struct, frozen=True):
    """Replaces a value of which only the digest is kept."""

    stored: str


def drop_large(answer: Answer) -> Answer:
    """The same answer without a value that the log would not keep, to save memory in a report of many."""
    stored, _ = pack(answer.value)
    return msgspec.structs.replace(answer, value=StoredAnswer(stored)) if stored.startswith(DIGEST) else answer


def excerpt(answer: Any) -> str:
    """The beginning of the stored answer."""
    return pack(answer)[0][:INLINE]


def kept_value(answer: Any) -> Any:
    """The answer, or None if only its digest was kept."""
    return None if isinstance(answer, StoredAnswer) else answer
