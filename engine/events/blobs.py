"""Contents by their SHA-256, compressed where that helps."""

from __future__ import annotations

import hashlib
from typing import Any

import zstandard

from engine.errors import SiaError

MAX_DECODED = 256 << 20
_LEVEL = 3


def digest(data: bytes) -> str:
    """The name of `data`."""
    return hashlib.sha256(data).hexdigest()


def put(connection: Any, data: bytes) -> str:
    """Stores `data` once and returns its name; runs inside the caller's transaction."""
    name = digest(data)
    packed = zstandard.ZstdCompressor(level=_LEVEL).compress(data)
    codec, stored = ("zstd", packed) if len(packed) < len(data) else ("raw", data)
    connection.execute("INSERT OR IGNORE INTO blobs VALUES (?, ?, ?)", (name, codec, stored))
    return name


def get(connection: Any, name: str) -> bytes:
    """The contents named `name`; raises `SiaError` where they are missing or are not what the name says."""
    row = connection.execute("SELECT codec, data FROM blobs WHERE sha256 = ?", (name,)).fetchone()
    if row is None:
        raise SiaError(f"the blob {name[:12]} is missing from the log", "run `sia verify`")
    data = unpack(row[0], row[1])
    if digest(data) != name:
        raise SiaError(f"the blob {name[:12]} is damaged", "run `sia verify`")
    return data


def unpack(codec: str, stored: bytes) -> bytes:
    """Undoes the compression; bounded, since an imported log may be hostile."""
    if codec == "raw":
        return stored
    try:
        # the limit below counts only where the frame does not declare its size
        if zstandard.frame_content_size(stored) > MAX_DECODED:
            raise SiaError("a blob is larger than any that sia writes", "do not trust this file")
        return zstandard.ZstdDecompressor().decompress(stored, max_output_size=MAX_DECODED)
    except zstandard.ZstdError as error:
        raise SiaError(f"a blob cannot be unpacked ({error})", "run `sia verify`") from None
