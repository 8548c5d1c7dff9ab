"""Exported runs for tests: honest ones, and what a forger would write."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import zstandard
from msgspec.structs import astuple, replace

from engine.events import archive
from engine.events import types as t
from engine.events.archive import Manifest
from engine.events.event import Event
from engine.events.reader import Reader
from engine.events.seal import lineage, seal
from engine.events.storage import blobs
from engine.events.storage.connection import connect_plainly
from engine.run.workspace import Workspace
from tests.histories import Play


class Logged(Play):
    """A made-up run whose instances leave logs."""

    def append(self, generation: int, *payloads: t.Payload, contents: Any = ()) -> None:
        logged: list[t.Payload] = []
        for payload in payloads:
            if isinstance(payload, t.InstanceFinished) and not payload.log:
                text = f"what {payload.instance} said in generation {generation}".encode()
                contents, payload = [*contents, text], replace(payload, log=blobs.digest(text))  # noqa: PLW2901
            logged.append(payload)
        super().append(generation, *logged, contents=contents)


def seal_to(workspace: Workspace, target: Path, run: str = "last", *, data: bool = False) -> Path:
    """Exports a run."""
    with contextlib.closing(workspace.reader()) as reader:
        seal(reader, reader.find(run), target, data=data, made_by="tests")
    return target


def contents_of(path: Path) -> tuple[list[Event], dict[str, bytes]]:
    """The events and the blobs of an exported run."""
    with contextlib.closing(Reader.open(path)) as reader:
        events = lineage(reader, reader.find("last"))
        names = [name for (name,) in reader.db.conn.execute("SELECT sha256 FROM blobs WHERE codec != 'left out'")]
        return events, {name: reader.blob(name) for name in names}


def forge(
    target: Path, events: list[Event], contents: dict[str, bytes], *, left_out: Iterable[str] = (), **changes: Any
) -> Path:
    """A file whose manifest, hashes and digest agree with whatever is put into it; `changes` are to the manifest."""
    rows = [(e.run, e.n, e.type, e.v, e.at, e.generation, e.stored) for e in events]
    last = events[-1]
    packed = bytes.fromhex("".join(sorted(left_out)))
    manifest = Manifest(
        run=last.run, name="toy-1", n=last.n, hash=last.hash, events=len(events), made_by="a forger",
        left_out=zstandard.compress(packed),
        digest=archive.contents_digest(last.run, [e.hash for e in events], contents, left_out),
    )  # fmt: skip
    import msgspec

    write(target, replace(manifest, **changes), [(0, zstandard.compress(msgspec.msgpack.encode(rows)))],
          [(name, "raw", data) for name, data in contents.items()])  # fmt: skip
    return target


def write(
    target: Path, manifest: Manifest, packs: list[tuple[int, bytes]], stored: list[tuple[str, str, bytes]]
) -> None:
    """A file in the format of an export, with any contents."""
    with contextlib.closing(connect_plainly(str(target))) as connection:
        connection.execute(f"PRAGMA application_id = {archive.APPLICATION_ID}")
        connection.execute("PRAGMA user_version = 1")
        for statement in archive.SCHEMA.values():
            connection.execute(statement)
        connection.execute("INSERT INTO export VALUES (?, ?, ?, ?, ?, ?, ?, ?)", astuple(manifest)[:-1])
        connection.executemany("INSERT INTO packs VALUES (?, ?)", packs)
        connection.executemany("INSERT INTO blobs VALUES (?, ?, ?)", stored)
