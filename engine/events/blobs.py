"""Contents by their SHA-256, compressed where that helps."""

from __future__ import annotations

import hashlib
from typing import Any

from engine.errors import SiaError

MAX_DECODED = 256 << 20
LEFT_OUT = "left out"
"""The codec of contents that were left out on purpose when a run was exported: known by name, and not damage."""
_LEVEL = 3


class LeftOut(SiaError):
    """These contents stayed where the run was exported."""


def digest(data: bytes) -> str:
    """The name of `data`."""
    return hashlib.sha256(data).hexdigest()


def put(connection: Any, data: bytes) -> str:
    """Stores `data` once and returns its name; runs inside the caller's transaction."""
    import zstandard

    name = digest(data)
    packed = zstandard.ZstdCompressor(level=_LEVEL).compress(data)
    codec, stored = ("zstd", packed) if len(packed) < len(data) else ("raw", data)
    keep(connection, name, codec, stored)
    return name


def keep(connection: Any, name: str, codec: str, stored: bytes) -> None:
    """Stores packed contents once; they also fill a place that was left out, and never the other way round."""
    connection.execute(
        """INSERT INTO blobs VALUES (?, ?, ?) ON CONFLICT (sha256) DO UPDATE
           SET codec = excluded.codec, data = excluded.data WHERE codec = ? AND excluded.codec != ?""",
        (name, codec, stored, LEFT_OUT, LEFT_OUT),
    )


def get(connection: Any, name: str) -> bytes:
    """The contents named `name`; raises `SiaError` where they are missing or are not what the name says."""
    row = connection.execute("SELECT codec, data FROM blobs WHERE sha256 = ?", (name,)).fetchone()
    if row is None:
        raise SiaError(f"the blob {name[:12]} is missing from the log", "run `sia verify`")
    if row[0] == LEFT_OUT:
        raise LeftOut(
            f"the blob {name[:12]} was left out when this run was exported", "import an export made with --with-data"
        )
    data = unpack(row[0], row[1])
    if digest(data) != name:
        raise SiaError(f"the blob {name[:12]} is damaged", "run `sia verify`")
    return data


def unpack(codec: str, stored: bytes, limit: int | None = None) -> bytes:
    """Undoes the compression; bounded, since an imported log may be hostile."""
    import zstandard

    most = MAX_DECODED if limit is None else limit
    if codec == "raw" and len(stored) <= most:
        return stored
    try:
        # the limit below counts only where the frame does not declare its size
        if codec == "raw" or zstandard.frame_content_size(stored) > most:
            raise SiaError("a blob is larger than any that sia writes", "do not trust this file")
        return zstandard.ZstdDecompressor().decompress(stored, max_output_size=most)
    except zstandard.ZstdError as error:
        raise SiaError(f"a blob cannot be unpacked ({error})", "run `sia verify`") from None
