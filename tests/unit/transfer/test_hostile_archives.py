"""A file from a stranger is taken whole or not at all: one sentence, and nothing is written."""

from __future__ import annotations

import contextlib
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
import zstandard
from msgspec.structs import replace

from engine.errors import SiaError
from engine.events import types as t
from engine.events import unseal
from engine.events.event import Event
from engine.events.storage import blobs
from engine.events.storage.connection import connect_plainly
from engine.events.unseal import open_archive
from engine.run.workspace import Workspace
from engine.transfer.run_import import import_run
from tests.histories import chained
from tests.unit.transfer.carried import contents_of, forge, write


def refused(away: Workspace, path: Path, says: str = "is damaged or forged") -> None:
    with pytest.raises(SiaError, match=says) as caught:
        import_run(away, path)
    assert "\n" not in str(caught.value)
    assert not away.path.exists()


def sql(path: Path, script: str) -> None:
    with contextlib.closing(connect_plainly(str(path))) as connection:
        connection.executescript(script)


def edited(events: list[Event], n: int, edit: Callable[[t.Payload], t.Payload]) -> list[Event]:
    """The events with another payload in event `n`, in a chain that holds again."""
    chain: list[Event] = []
    for event in events:
        payload = edit(event.payload) if event.n == n else event.payload
        stored = msgspec.json.encode(payload, order="deterministic") if event.n == n else event.stored
        previous = chain[-1].hash if chain else "0" * 64
        row = (payload.type, event.v, event.at, event.generation, stored)
        chain.append(chained(event.run, event.n, row, previous))
    return chain


def first(events: list[Event], kind: type[t.Payload]) -> int:
    return next(event.n for event in events if isinstance(event.payload, kind))


def left_out_of(events: list[Event]) -> set[str]:
    return {name for event in events for name in event.payload.withheld()}


def test_the_forgers_tools_make_a_file_that_is_taken_if_it_is_honest(
    exported: Path, away: Workspace, tmp_path: Path
) -> None:
    events, contents = contents_of(exported)
    assert import_run(away, forge(tmp_path / "f.sia", events, contents, left_out=left_out_of(events))).new == len(
        events
    )


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_refused(exported: Path, away: Workspace, share: float) -> None:
    data = exported.read_bytes()
    exported.write_bytes(data[: int(len(data) * share)])
    refused(away, exported, "is damaged or forged|is not an exported run")


def test_a_flipped_byte_is_noticed_wherever_it_matters(exported: Path, tmp_path: Path) -> None:
    whole, original = exported.read_bytes(), contents_of(exported)
    noticed = 0
    for at in random.Random(5).sample(range(len(whole)), 120):
        bent = tmp_path / "bent.sia"
        bent.write_bytes(whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :])
        try:
            open_archive(bent)[0].close()
        except SiaError:
            noticed += 1
        else:
            assert contents_of(bent) == original or not unseal.is_archive(bent)
    assert noticed > 15  # most of a small file is empty room


@pytest.mark.parametrize(
    "script",
    [
        "CREATE TABLE more (x)",
        "CREATE VIEW more AS SELECT 1",
        "CREATE TRIGGER more AFTER INSERT ON packs BEGIN DELETE FROM blobs; END",
        "CREATE INDEX more ON blobs (abs(length(data)))",
        "ALTER TABLE packs ADD COLUMN extra INT AS (length(zeroblob(1000000000))) VIRTUAL",
        "ALTER TABLE packs RENAME TO other; CREATE VIEW packs AS SELECT first, data FROM other",
        "DROP TABLE packs; CREATE VIRTUAL TABLE packs USING fts5(first, data)",
        """ALTER TABLE export RENAME TO other;
           CREATE VIEW export AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n""",
    ],
)
def test_a_hostile_schema_is_refused_unread(exported: Path, away: Workspace, script: str) -> None:
    sql(exported, script)
    refused(away, exported, "tables are not those of an export")


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("UPDATE export SET hash = hex(randomblob(32))", "does not end where it says"),
        ("UPDATE export SET n = n + 1", "does not end where it says"),
        ("UPDATE export SET events = 3", "its runs are not those that it names"),
        ("UPDATE export SET run = 'r2'", "its runs are not those that it names"),
        ("UPDATE export SET digest = 'd'", "not those that were sealed"),
        ("UPDATE export SET left_out = x'00'", "cannot be read"),
        ("UPDATE export SET name = printf('%.*c', 5000, 'x')", "manifest"),
        ("INSERT INTO export SELECT * FROM export", "manifest"),
        ("DELETE FROM export", "manifest"),
        ("DELETE FROM packs", "its runs are not those that it names"),
        ("UPDATE packs SET first = 7", "not in order"),
        ("UPDATE packs SET data = x'28b52ffd'", "cannot be read"),
        ("UPDATE packs SET data = zeroblob(3000000)", "cannot be read"),
        ("DELETE FROM blobs WHERE rowid = 1", "blobs that its events name"),
        ("UPDATE blobs SET data = x'00', codec = 'raw' WHERE rowid = 1", "does not have its digest"),
        ("UPDATE blobs SET codec = 'left out', data = x'' WHERE rowid = 1", "an invalid name"),
        ("UPDATE blobs SET sha256 = '../../x' WHERE rowid = 1", "an invalid name"),
        ("INSERT INTO blobs VALUES (printf('%064d', 0), 'raw', x'00')", "does not have its digest"),
        ("PRAGMA journal_mode = WAL", "not sealed"),
        ("PRAGMA user_version = 9", "newer release"),
        ("PRAGMA application_id = 9", "is not an exported run"),
    ],
)
def test_each_damage_is_refused_and_named(exported: Path, away: Workspace, script: str, says: str) -> None:
    sql(exported, script)
    refused(away, exported, says)


def test_a_blob_that_nothing_needs_is_refused(exported: Path, away: Workspace) -> None:
    with contextlib.closing(connect_plainly(str(exported))) as connection:
        connection.execute("INSERT INTO blobs VALUES (?, 'raw', ?)", (blobs.digest(b"ride"), b"ride"))
    refused(away, exported, "blobs that its events name")


@pytest.mark.parametrize(
    ("edit", "kind", "says"),
    [
        (lambda p: replace(p, score=1 - p.score), t.InstanceFinished, "diverges at event"),
        (lambda p: replace(p, accepted=not p.accepted), t.GateDecided, "diverges at event"),
        (lambda p: replace(p, reason="another"), t.HarnessWritten, "diverges at event"),
        (lambda p: replace(p, name="../../x"), t.RunStarted, "not a name for a run"),
        (lambda p: replace(p, name="--help"), t.RunStarted, "not a name for a run"),
        (lambda p: replace(p, files={"../x": next(iter(p.files.values()))}), t.HarnessWritten, "diverges|plain"),
        (lambda p: t.RunRenamed(".."), t.GenerationFinished, "diverges|not a name"),
        (lambda p: t.GenerationFinished(9), t.RunStarted, "does not start a run"),
        (lambda p: t.RunForked("x", "r0", 1), t.BaselineMeasured, "does not follow"),
    ],
)
def test_a_careful_forger_is_found_by_replay_or_by_names(
    exported: Path,
    away: Workspace,
    tmp_path: Path,
    edit: Callable[[t.Payload], t.Payload],
    kind: type[t.Payload],
    says: str,
) -> None:
    events, contents = contents_of(exported)
    chain = edited(events, first(events, kind), edit)
    needed = {name for event in chain for name in event.payload.blobs()}
    kept = {name: data for name, data in contents.items() if name in needed}
    refused(away, forge(tmp_path / "f.sia", chain, kept, left_out=left_out_of(chain)), says)


@pytest.mark.parametrize("path", ["../x", "/etc/x", ".git/config", "a/../../b", "a\x1b[2Jb", "a\0b", "x" * 2000])
def test_a_path_that_climbs_is_refused(exported: Path, away: Workspace, tmp_path: Path, path: str) -> None:
    from engine.run.versions import harness_written
    from harness_repo.objects import Version

    events, contents = contents_of(exported)
    at = first(events, t.HarnessWritten)
    old = events[at - 1].payload
    assert isinstance(old, t.HarnessWritten)
    files = {name: contents[digest] for name, digest in old.files.items()} | {path: b"x"}
    evil, more = harness_written(Version(files, [], 1, None, old.author, old.reason), "")
    chain = edited(events[:at], at, lambda _: evil)
    kept = {blobs.digest(data): data for data in [*more]}
    refused(away, forge(tmp_path / "f.sia", chain, kept, left_out=left_out_of(chain)), "plain relative path")


@pytest.mark.parametrize("run", ["../../r1", "R1", "", "r1/x", "r" * 99, "tips\0"])
def test_a_run_id_that_is_a_path_is_refused(exported: Path, away: Workspace, tmp_path: Path, run: str) -> None:
    events, _ = contents_of(exported)
    row = (events[0].type, 1, events[0].at, 0, events[0].stored)
    refused(away, forge(tmp_path / "f.sia", [chained(run, 1, row, "0" * 64)], {}), "not one that sia writes")


@pytest.mark.parametrize(("at", "generation", "v"), [(-1, 0, 1), (1 << 62, 0, 1), (5, 99, 1), (5, -1, 1), (5, 0, 7)])
def test_numbers_beyond_reason_are_refused(
    exported: Path, away: Workspace, tmp_path: Path, at: int, generation: int, v: int
) -> None:
    events, _ = contents_of(exported)
    event = chained("r1", 1, (events[0].type, v, at, generation, events[0].stored), "0" * 64)
    refused(away, forge(tmp_path / "f.sia", [event], {}), "damaged or forged|which this release does not know")


def test_what_a_replay_needs_may_not_be_left_out(exported: Path, away: Workspace, tmp_path: Path) -> None:
    events, contents = contents_of(exported)
    harness = next(iter(events[first(events, t.HarnessWritten) - 1].payload.blobs()))
    del contents[harness]
    refused(away, forge(tmp_path / "f.sia", events, contents, left_out=left_out_of(events) | {harness}), "replay needs")


def test_runs_that_do_not_belong_are_refused(exported: Path, away: Workspace, tmp_path: Path) -> None:
    events, contents = contents_of(exported)
    stray = chained("r0", 1, (events[0].type, 1, 5, 0, events[0].stored), "0" * 64)
    refused(
        away,
        forge(tmp_path / "f.sia", [stray, *events], contents, left_out=left_out_of(events)),
        "its runs are not those",
    )


def test_bombs_are_not_unpacked(
    exported: Path, away: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events, _ = contents_of(exported)
    _, manifest = open_archive(exported)
    monkeypatch.setattr(unseal, "FLOOR", 1 << 20)
    monkeypatch.setattr(unseal, "MAX_BLOB", 1 << 20)
    monkeypatch.setattr(unseal, "MAX_BLOBS", 2 << 20)
    known = zstandard.compress(bytes(200 << 20))
    unsized = zstandard.ZstdCompressor(write_content_size=False).compress(bytes(200 << 20))
    packed = zstandard.compress(
        msgspec.msgpack.encode([(e.run, e.n, e.type, e.v, e.at, e.generation, e.stored) for e in events])
    )
    large = [bytes([i]) * (1 << 20) for i in range(3)]
    stored = [(blobs.digest(data), "zstd", zstandard.compress(data)) for data in large]
    cases = [
        ([(0, known)], []), ([(0, unsized)], []), ([(0, packed)], [("0" * 64, "zstd", known)]),
        ([(0, packed)], [("0" * 64, "zstd", unsized)]), ([(0, packed)], stored),
    ]  # fmt: skip
    for number, (packs, contents) in enumerate(cases):
        path = tmp_path / f"bomb{number}.sia"
        write(path, manifest, packs, contents)
        refused(away, path, "larger|cannot be read|cannot be decompressed")


def test_a_nest_that_is_too_deep_is_refused(exported: Path, away: Workspace, tmp_path: Path) -> None:
    events, _ = contents_of(exported)
    deep = events[0].stored.replace(
        b'"settings"', b'"isolation":' + b'{"a":' * 5000 + b"1" + b"}" * 5000 + b',"settings"'
    )
    refused(away, forge(tmp_path / "f.sia", [chained("r1", 1, (events[0].type, 1, 5, 0, deep), "0" * 64)], {}))


@pytest.mark.parametrize("make", [lambda p: None, Path.mkdir, lambda p: p.write_bytes(b"Dear diary, " * 99)])
def test_what_is_no_export_is_said_to_be_none(away: Workspace, tmp_path: Path, make: Callable[[Path], object]) -> None:
    make(tmp_path / "f.sia")
    refused(away, tmp_path / "f.sia", "does not exist|is not an exported run")


def test_a_log_is_not_an_export(home: Workspace, away: Workspace) -> None:
    refused(away, home.log, "is not an exported run")


def test_nothing_beside_the_file_is_looked_at(exported: Path, away: Workspace, tmp_path: Path) -> None:
    for suffix in ("-journal", "-wal", "-shm"):
        shutil.copy(exported, f"{exported}{suffix}")
    assert import_run(away, exported).new > 0
