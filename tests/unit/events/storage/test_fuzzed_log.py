"""Bytes of a log that were changed at random: it is read, or refused in one sentence; nothing else is raised."""

from __future__ import annotations

import contextlib
import random
from pathlib import Path

import pytest
from sqlite_utils.utils import sqlite3

from engine.core.replay import verify
from engine.errors import SiaError
from engine.events.log import RunLog
from engine.events.reader import Reader
from tests.histories import Play

CASES = 60


@pytest.fixture
def sealed(workspace: Path) -> Path:
    """A healthy log, in one file."""
    with contextlib.closing(RunLog.hold(workspace, "r1")) as made:
        Play(made).to_rest()  # type: ignore[arg-type]
    path = workspace / "events.db"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    return path


def bent(data: bytes, chance: random.Random) -> bytes:
    """A few bytes replaced, most of them in structures: headers of pages, lengths, pointers."""
    changed = bytearray(data)
    for _ in range(chance.choice([1, 3, 30])):
        page = chance.randrange(len(data) // 4096) * 4096
        at = page + (chance.randrange(64) if chance.random() < 0.5 else chance.randrange(4096))
        changed[at] = chance.choice([0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)])
    return bytes(changed)


def read(path: Path) -> None:
    with contextlib.closing(Reader.open(path)) as reader:
        for run in reader.runs():
            verify(reader, run.run)
            reader.grid(run.run, "val")
        reader.generations()
        for event in reader.all_events():
            event.expected_hash()
        for _ in reader.stored_blobs():
            pass


def test_a_bent_log_is_read_or_refused(sealed: Path) -> None:
    whole, refused = sealed.read_bytes(), 0
    for seed in range(CASES):
        sealed.write_bytes(bent(whole, random.Random(seed)))
        try:
            read(sealed)
        except SiaError as error:
            assert str(error).isprintable()
            refused += 1
        except Exception as error:
            raise AssertionError(f"seed {seed}: {type(error).__name__}: {error}") from error
    assert 5 < refused < CASES
