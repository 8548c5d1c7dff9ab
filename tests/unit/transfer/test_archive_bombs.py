"""A small archive costs little to refuse, whatever it would unpack to."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
import zstandard

from engine.errors import SiaError
from engine.events import archive, unseal
from engine.events import types as t
from engine.events.archive import Manifest
from engine.events.event import Event
from engine.events.reader import Reader
from engine.events.storage import blobs
from engine.run.workspace import Workspace
from engine.transfer.run_import import import_run
from tests.histories import chained
from tests.unit.transfer.carried import contents_of, write

MEASURED = """
import resource, sys
from pathlib import Path
from engine.run.workspace import Workspace
from engine.transfer.run_import import import_run
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    import_run(Workspace(Path(sys.argv[2])), Path(sys.argv[1]))
except Exception as error:
    print(error, file=sys.stderr)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) << 10)
"""
LARGE = 15 << 20


def resumed(start: Event, filler: bytes, count: int) -> list[Event]:
    """A history of `count` large events after its start."""
    events = [start]
    for n in range(2, count + 2):
        stored = b'{"isolation":{"a":' + filler + b"}}"
        events.append(chained("r1", n, ("run.resumed", 1, 5, 0, stored), events[-1].hash))
    return events


def pack(target: Path, events: list[Event], packed: bytes, left_out: bytes = b"") -> Path:
    last = events[-1]
    digest = archive.contents_digest("r1", [event.hash for event in events], [], [])
    left = zstandard.compress(left_out)
    manifest = Manifest("r1", "toy-1", last.n, last.hash, len(events), left, digest, "a forger")
    write(target, manifest, [(0, zstandard.compress(packed))], [])
    return target


def rows(events: list[Event]) -> bytes:
    return msgspec.msgpack.encode([(e.run, e.n, e.type, e.v, e.at, e.generation, e.stored) for e in events])


def many_texts(start: Event, target: Path) -> Path:
    events = resumed(start, b'"' + b"a" * LARGE + b'"', 13)
    return pack(target, events, rows(events))


def many_lists(start: Event, target: Path) -> Path:
    events = resumed(start, b"[" + b"[]," * (LARGE // 3) + b"0]", 1)
    return pack(target, events, rows(events))


def many_rows(start: Event, target: Path) -> Path:
    row = msgspec.msgpack.encode(("r1", 1, "x", 1, 5, 0, b""))
    count = 8_000_000
    return pack(target, [start], b"\xdd" + count.to_bytes(4, "big") + row * count)


def many_names(start: Event, target: Path) -> Path:
    names = b"".join(number.to_bytes(32, "big") for number in range(1_500_000))
    return pack(target, [start], rows([start]), names)


@pytest.mark.parametrize(
    "make", [many_lists, many_rows, *(pytest.param(one, marks=pytest.mark.slow) for one in (many_texts, many_names))]
)
def test_no_archive_costs_ten_times_its_room(
    exported: Path, tmp_path: Path, make: Callable[[Event, Path], Path]
) -> None:
    start = contents_of(exported)[0][0]
    bomb = make(start, tmp_path / "bomb.sia")
    room = unseal.FLOOR + unseal.RATIO * bomb.stat().st_size
    command = [sys.executable, "-c", MEASURED, str(bomb), str(tmp_path / "away")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path.cwd())
    assert "damaged or forged" in done.stderr
    assert int(done.stdout) < 10 * min(room, 33 << 20)


def test_a_blob_that_stands_for_every_file_is_unpacked_once(
    exported: Path, away: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = contents_of(exported)[0][0]
    large = bytes(2 << 20)
    name = blobs.digest(large)
    files = {f"{number}.py": name for number in range(2000)}
    stored = msgspec.json.encode(t.HarnessWritten(1, "c", "t", [], files, "seed", "r"), order="deterministic")
    events = [start, chained("r1", 2, ("harness.written", 1, 5, 1, stored), start.hash)]
    target = tmp_path / "f.sia"
    last, empty = events[-1], zstandard.compress(b"")
    digest = archive.contents_digest("r1", [event.hash for event in events], [name], [])
    manifest = Manifest("r1", "toy-1", last.n, last.hash, len(events), empty, digest, "a forger")
    write(target, manifest, [(0, zstandard.compress(rows(events)))], [(name, "zstd", zstandard.compress(large))])
    unpacked: list[str] = []
    real = Reader.blob
    monkeypatch.setattr(Reader, "blob", lambda self, name: unpacked.append(name) or real(self, name))
    with pytest.raises(SiaError, match="larger than a harness may be"):
        import_run(away, target)
    assert len(unpacked) == 1
