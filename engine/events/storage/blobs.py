"""Blobs: contents named by their SHA-256, compressed where that makes them smaller."""

from __future__ import annotations

from typing import Any

from engine.errors import SiaError

MAX_DECODED = 256 << 20
LEFT_OUT = "left out"
"""The codec of contents that an export left out: the name is known, and their absence is not damage."""
_LEVEL = 3


class LeftOut(SiaError):
    """The contents were left out when the run was exported."""


def digest(data: bytes) -> str:
    """The name of `data`."""
    import hashlib  # the app's first paint does without

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
    """Stores packed contents once. They replace a blob that was left out, never the other way round."""
    connection.execute(
        """INSERT INTO blobs VALUES (?, ?, ?) ON CONFLICT (sha256) DO UPDATE
           SET codec = excluded.codec, data = excluded.data WHERE codec = ? AND excluded.codec != ?""",
        (name, codec, stored, LEFT_OUT, LEFT_OUT),
    )


def get(connection: Any, name: str) -> bytes:
    """The contents named `name`; raises `SiaError` where they are missing or do not have that digest."""
    row = connection.execute("SELECT codec, data FROM blobs WHERE sha256 = ?", (name,)).fetchone()
    if row is None:
        raise SiaError(f"the blob {name[:12]} is missing from the log", "run `sia verify`")
    if row[0] == LEFT_OUT:
        raise LeftOut(
            f"the blob {name[:12]} was left out when this run was exported", "import an export made with --with-data"
        )
    data = unpack(row[0], row[1]) if isinstance(row[1], bytes) else b""
    if digest(data) != name:
        raise SiaError(f"the blob {name[:12]} is damaged", "run `sia verify`")
    return data


def unpack(codec: str, stored: bytes, limit: int | None = None) -> bytes:
    """Decompresses; at most `limit` bytes, since an imported log may be hostile."""
    import zstandard

    most = MAX_DECODED if limit is None else limit
    if codec == "raw" and len(stored) <= most:
        return stored
    try:
        if codec == "raw" or not 0 <= zstandard.frame_content_size(stored) <= most:
            raise SiaError("a blob is larger than any that sia writes", "do not trust this file")
        return zstandard.ZstdDecompressor().decompress(stored, max_output_size=most)
    except zstandard.ZstdError as error:
        raise SiaError(f"a blob cannot be decompressed ({error})", "run `sia verify`") from None
