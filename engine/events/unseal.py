"""Opens a `.sia` file, which is not trusted: everything in it is checked while a log in memory is filled from it.

The file is accepted only if all of this holds: its tables are exactly those that sia writes (no view, no trigger, no
virtual table, and the connection could not run one), every size is bounded before it is read, the events form the
history that the manifest names, and every blob is what its name says.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import msgspec
import zstandard

from engine.errors import SiaError
from engine.events import archive, rows
from engine.events import types as t
from engine.events.archive import Manifest, Packed
from engine.events.codec import Unreadable, decode
from engine.events.event import GENESIS, chain_hash
from engine.events.storage import blobs, schema
from engine.events.storage.connection import connect_plainly, read_alone
from engine.events.storage.database import Database

MAX_FILE = 2 << 30
MAX_EVENTS = 5_000_000
MAX_LEFT_OUT = 64 << 20
MAX_PAYLOAD = 4 << 20
FLOOR, RATIO = 32 << 20, 32
"""How much larger than its file the packed events may be: those that sia writes take five times as much, unpacked."""
BRACKETS, BRACKETS_PER_BYTE = 10_000, 1 / 16
"""Limits on the lists and maps in an event, which take twenty times the room of their text in memory."""
MAX_BLOB = 64 << 20
MAX_BLOBS = 1 << 30
MAX_AT = 253_402_300_800_000_000  # the year 10000
_RUN = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_NAME = re.compile(r"[0-9a-f]{64}")
_READING = re.compile(r"[0-9a-f]{16}")
_REMEDY = "ask for another copy; nothing was imported"


class _Invalid(Exception):
    """What is wrong with the file."""


def open_archive(path: Path) -> tuple[Database, Manifest]:
    """A log in memory with all that `path` holds, and the manifest. Raises `SiaError` unless everything is right."""
    log = Database(connect_plainly(":memory:"))
    try:
        schema.prepare(log)
        with contextlib.closing(_connect(path)) as file:
            manifest = _fill(log, file, FLOOR + RATIO * path.stat().st_size)
    except BaseException as error:
        log.close()
        if not isinstance(error, Exception) or (isinstance(error, SiaError) and not isinstance(error, Unreadable)):
            raise
        # untrusted bytes: whatever a decoder raises for them, the file is refused
        what = str(error) if isinstance(error, _Invalid) else f"it cannot be read: {getattr(error, 'message', error)}"
        raise SiaError(f"{path} is damaged or forged ({' '.join(what.split())[:200]})", _REMEDY) from error
    return log, manifest


def _connect(path: Path) -> Any:
    if path.stat().st_size > MAX_FILE:
        raise SiaError(f"{path} is larger than {MAX_FILE >> 30} GB, more than any export", _REMEDY)
    with path.open("rb") as file:
        head = file.read(100)
    # https://sqlite.org/fileformat.html: page size (1 means 65536), versions (2 is WAL), size in pages
    page, pages = int.from_bytes(head[16:18]), int.from_bytes(head[28:32])
    if head[18:20] != b"\1\1":
        raise _Invalid("it is not sealed")
    if path.stat().st_size != (65536 if page == 1 else page) * pages:
        raise _Invalid("it is truncated or has something appended")
    with contextlib.ExitStack() as undo:
        connection = undo.enter_context(contextlib.closing(read_alone(path)))
        _check_schema(path, connection)
        undo.pop_all()
    return connection


def _check_schema(path: Path, connection: Any) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > archive.FORMAT:
        raise SiaError(f"{path} was written by a newer release of sia", "upgrade sia, or use another --workspace")
    if _objects(connection) != _objects(_blank(readings=version == archive.FORMAT)):
        raise _Invalid("its tables are not those of an export")


def _objects(connection: Any) -> list[tuple[Any, ...]]:
    return sorted(connection.execute("SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_master LIMIT 20"))


def _blank(*, readings: bool) -> Any:
    connection = connect_plainly(":memory:")
    for statement in archive.tables(readings=readings):
        connection.execute(statement)
    return connection


def _fill(log: Database, file: Any, room: int) -> Manifest:
    """Fills `log`, with events of at most `room` bytes."""
    manifest = _manifest(file)
    left_out = _left_out(manifest)
    log.conn.execute("BEGIN")
    hashes = _events(log, _packed(file, room), manifest)
    here = _blobs(log, file)
    for name in left_out:
        blobs.keep(log.conn, name, blobs.LEFT_OUT, b"")
    kept, may_be_absent = archive.needs(_blob_names(log), data=False)
    if not (here | left_out) == kept | may_be_absent or here & left_out:
        raise _Invalid("it does not hold the blobs that its events name")
    if not left_out <= may_be_absent:
        raise _Invalid("it leaves out what a replay needs")
    if manifest.digest != archive.contents_digest(manifest.run, hashes, here, left_out, manifest.readings):
        raise _Invalid("its contents are not those that were sealed")
    log.conn.execute("COMMIT")
    return manifest


def _manifest(file: Any) -> Manifest:
    found = file.execute("SELECT length(left_out), length(name) + length(made_by) FROM export LIMIT 2").fetchall()
    if len(found) != 1 or found[0][0] > MAX_LEFT_OUT or found[0][1] > 1000:
        raise _Invalid("its manifest is not one of an export")
    row = file.execute("SELECT * FROM export").fetchone()
    found = dict(zip(Manifest.__struct_fields__, (*row, _readings(file)), strict=True))
    return msgspec.convert(found, Manifest)


def _readings(file: Any) -> tuple[str, ...]:
    (version,) = file.execute("PRAGMA user_version").fetchone()
    if version < archive.FORMAT:
        return ()
    limit = archive.MAX_READINGS
    sizes = file.execute("SELECT length(name) FROM readings NOT INDEXED LIMIT ?", (limit + 1,)).fetchall()
    if not 0 < len(sizes) <= limit or any(size != 16 for (size,) in sizes):
        raise _Invalid("its list of readings is not one that sia writes")
    names = tuple(name for (name,) in file.execute("SELECT name FROM readings NOT INDEXED LIMIT ?", (limit,)))
    if not all(isinstance(name, str) and _READING.fullmatch(name) for name in names) or len(set(names)) != len(names):
        raise _Invalid("its list of readings is not one that sia writes")
    return names


def _left_out(manifest: Manifest) -> set[str]:
    # digests cannot be compressed
    names = _bounded(manifest.left_out, 2 * len(manifest.left_out))
    found = {names[at : at + 32].hex() for at in range(0, len(names), 32)}
    if len(names) != 32 * len(found):
        raise _Invalid("its list of left-out blobs is incomplete")
    return found


def _bounded(data: bytes, limit: int) -> bytes:
    if not 0 <= zstandard.frame_content_size(data) <= limit:
        raise _Invalid("a part of it is larger than any that sia writes")
    return zstandard.ZstdDecompressor().decompress(data, max_output_size=limit)


def _rows(file: Any, columns: str, table: str, limit: int) -> Iterator[tuple[Any, ...]]:
    """All rows by their ids, which must increase; `data` is read only where it is small enough."""
    last = -1
    for at, size in file.execute(f"SELECT rowid, length(data) FROM {table} NOT INDEXED ORDER BY rowid"):  # noqa: S608
        if at <= last or size > limit:
            raise _Invalid(f"its table {table} is not in order")
        last = at
        yield file.execute(f"SELECT {columns} FROM {table} NOT INDEXED WHERE rowid = ?", (at,)).fetchone()  # noqa: S608


def _packed(file: Any, room: int) -> Iterator[Packed]:
    count = 0
    for first, data in _rows(file, "first, data", "packs", room):
        unpacked = _bounded(data, room)
        room -= len(unpacked)
        part = _decode_pack(unpacked)
        if first != count or not part:
            raise _Invalid("its packs are not in order")
        count += len(part)
        if count > MAX_EVENTS:
            raise _Invalid("it holds more events than sia reads")
        yield from part


_decode_pack = msgspec.msgpack.Decoder(Annotated[list[Packed], msgspec.Meta(max_length=archive.PACK)]).decode


class _Part:
    """The events of one run: those from `first` on, and the parent whose history comes before."""

    def __init__(self, first: int, parent: _Part | None) -> None:
        self.first, self.parent = first, parent
        self.hashes: list[str] = []

    def hash_at(self, n: int) -> str:
        """The hash of event `n` of this history."""
        part: _Part | None = self
        while part is not None and n < part.first:
            part = part.parent
        return part.hashes[n - part.first] if part else GENESIS


def _events(log: Database, packed: Iterator[Packed], manifest: Manifest) -> list[str]:
    parts: dict[str, _Part] = {}
    parents: dict[str, str] = {}
    hashes: list[str] = []
    for run, n, kind, v, at, generation, stored in packed:
        if not _is_sparse(stored) or not _RUN.fullmatch(run) or not 0 <= at < MAX_AT or not 0 <= generation <= n:
            raise _Invalid(f"event {n} is not one that sia writes")
        payload = decode(kind, v, stored)
        if run not in parts:
            parts[run] = _first(payload, n, parts)
            if isinstance(payload, t.RunForked):
                parents[run] = payload.parent
        part = parts[run]
        if n != part.first + len(part.hashes) or (part.hashes and isinstance(payload, t.RunStarted | t.RunForked)):
            raise _Invalid(f"event {n} does not follow the one before")
        previous = part.hash_at(n - 1)
        name = chain_hash(previous, run, n, kind, v, at, generation, stored)
        rows.insert(log.conn, (run, n, kind, v, at, generation, stored, previous, name), payload)
        part.hashes.append(name)
        hashes.append(name)
    _belongs(parts, parents, manifest, len(hashes))
    return hashes


def _is_sparse(stored: bytes) -> bool:
    """Whether a payload is short, and what it holds takes little more room than its text."""
    brackets = stored.count(b"[") + stored.count(b"{")
    return len(stored) <= MAX_PAYLOAD and brackets <= BRACKETS + BRACKETS_PER_BYTE * len(stored)


def _first(payload: t.Payload, n: int, parts: dict[str, _Part]) -> _Part:
    if isinstance(payload, t.RunStarted) and n == 1:
        return _Part(1, None)
    parent = parts.get(payload.parent) if isinstance(payload, t.RunForked) else None
    if not isinstance(payload, t.RunForked) or parent is None or payload.at != n - 1 or n < 2:
        raise _Invalid(f"event {n} does not start a run")
    parent.hash_at(n - 1)  # IndexError where the parent has no such event
    return _Part(n, parent)


def _belongs(parts: dict[str, _Part], parents: dict[str, str], manifest: Manifest, count: int) -> None:
    run: str | None = manifest.run
    family = set()
    while run is not None:
        family.add(run)
        run = parents.get(run)
    part = parts.get(manifest.run)
    if part is None or family != set(parts) or count != manifest.events:
        raise _Invalid("its runs are not those that it names")
    if (part.first + len(part.hashes) - 1, part.hashes[-1]) != (manifest.n, manifest.hash):
        raise _Invalid("its history does not end where it says")


def _blobs(log: Database, file: Any) -> set[str]:
    here: set[str] = set()
    total = 0
    for name, codec, stored in _rows(file, "sha256, codec, data", "blobs", MAX_BLOB):
        if not (isinstance(name, str) and _NAME.fullmatch(name)) or codec not in ("raw", "zstd") or name in here:
            raise _Invalid("a blob has an invalid name")
        data = blobs.unpack(codec, stored, MAX_BLOB)
        total += len(data)
        if total > MAX_BLOBS:
            raise _Invalid("its blobs are larger together than sia reads")
        if blobs.digest(data) != name:
            raise _Invalid(f"the blob {name[:12]} does not have its digest")
        blobs.keep(log.conn, name, codec, stored)
        here.add(name)
    return here


def _blob_names(log: Database) -> Iterator[tuple[list[str], list[str]]]:
    for kind, v, stored in log.conn.execute("SELECT type, v, payload FROM events"):
        payload = decode(kind, v, stored)
        yield payload.blobs(), payload.withheld()
