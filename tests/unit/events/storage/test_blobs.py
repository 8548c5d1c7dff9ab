"""Contents by digest: stored once, and never trusted unseen."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.errors import SiaError
from engine.events.log import RunLog
from engine.events.storage import blobs
from engine.events.storage.connection import transaction
from tests.histories import started


@pytest.fixture
def log(workspace: Path) -> Iterator[RunLog]:
    with contextlib.closing(RunLog.hold(workspace, "r1")) as held:
        yield held


@pytest.mark.parametrize(
    "data", [b"", b"a", b"text " * 1000, os.urandom(1000)], ids=["empty", "short", "text", "noise"]
)
def test_a_blob_is_read_back_by_its_name(log: RunLog, data: bytes) -> None:
    log.append([(0, started())], contents=[data])
    assert log.reader.blob(blobs.digest(data)) == data


def test_equal_contents_are_stored_once_and_small(log: RunLog) -> None:
    text = b"the same line over and over\n" * 1000
    log.append([(0, started())], contents=[text, text, b"other"])
    rows = log.db.conn.execute("SELECT codec, length(data) FROM blobs ORDER BY length(data)").fetchall()
    assert [codec for codec, _ in rows] == ["raw", "zstd"]
    assert rows[1][1] < len(text) / 10


@pytest.mark.parametrize("codec", ["raw", "zstd"])
def test_a_damaged_blob_is_refused_by_name(log: RunLog, codec: str) -> None:
    name = blobs.digest(b"x" * 100)
    log.append([(0, started())], contents=[b"x" * 100])
    with transaction(log.db, durable=False) as connection:
        connection.execute("UPDATE blobs SET codec = ?, data = x'0102'", (codec,))
    with pytest.raises(SiaError, match=r"blob.* (is damaged|cannot be decompressed)"):
        log.reader.blob(name)


def test_a_missing_blob_is_refused_by_name(log: RunLog) -> None:
    with pytest.raises(SiaError, match="blob 000000000000 is missing"):
        log.reader.blob("0" * 64)


def test_a_bomb_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    import zstandard

    monkeypatch.setattr(blobs, "MAX_DECODED", 1000)
    stream = zstandard.ZstdCompressor(write_content_size=False).compress(b"0" * 100_000)
    with pytest.raises(SiaError, match="larger than any"):
        blobs.unpack("zstd", stream)
    with pytest.raises(SiaError, match="larger than any"):
        blobs.unpack("zstd", zstandard.ZstdCompressor().compress(b"0" * 100_000))
