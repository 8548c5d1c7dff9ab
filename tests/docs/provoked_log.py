"""How each sentence about a log, a repository or an adapter is provoked, by the function that says it."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest

from engine import containment, trust, user_state
from engine.checkout import apply, folder
from engine.core import decide, replay
from engine.core.state import State, evolve
from engine.events import codec, log, readmodels, seal, unseal
from engine.events import types as t
from engine.events.event import Event
from engine.events.maintenance import merge
from engine.events.reader import Reader
from engine.events.storage import blobs, connection
from engine.loop import driver
from engine.run import adapters
from engine.run.workspace import Workspace
from engine.sandbox import session
from engine.transfer import adapters as carried
from engine.transfer import garbage, rebuild
from sia_tui.commands.runs import control

Patch = pytest.MonkeyPatch
Provoke = Callable[[Path, Patch], Any]
PAST = Path("/nowhere/events.db")


def refusing(error: BaseException) -> Any:
    """A function that raises this."""

    def refuse(*_: Any, **__: Any) -> Any:
        raise error

    return refuse


def sqlite(text: str) -> Provoke:
    """SQLite fails with this message."""
    return lambda place, patch: _raise(connection._explain(place / "events.db", Exception(text)))


def _raise(error: Exception) -> None:
    raise error


def _denied(place: Path, patch: Patch) -> None:
    with connection.explained(place / "events.db"):
        raise PermissionError(13, "Permission denied")


def _reader(*rows: Any) -> Reader:
    database: Any = SimpleNamespace(execute=lambda *_: iter(rows))
    return Reader(database, PAST)


def _many_rows(place: Path, patch: Patch) -> None:
    patch.setattr("engine.events.reader.MANY", 2)
    cursor = SimpleNamespace(fetchmany=lambda count: [(1,)] * count)
    database = mock.Mock()
    database.conn.execute = lambda sql, *_: [(1, 16)] if "page_count" in sql else cursor
    Reader(database, PAST).rows("SELECT 1")


def _row(seq: int) -> tuple[Any, ...]:
    return (seq, "r", seq, "run.paused", 1, 0, 0, b"{}", "", "")


def _payload(kind: Any, **fields: Any) -> Any:
    """A payload of which only these fields are set."""
    return kind(**dict.fromkeys(kind.__struct_fields__) | fields)


def _without_parent(place: Path, patch: Patch) -> None:
    nobody = SimpleNamespace(execute=lambda *_: SimpleNamespace(fetchone=lambda: None))
    payload = _payload(t.RunForked, name="x", parent="p", at=1)
    readmodels.project(nobody, mock.Mock(), payload)


def _blob(row: Any) -> Provoke:
    found = SimpleNamespace(execute=lambda *_: SimpleNamespace(fetchone=lambda: row))
    return lambda place, patch: blobs.get(found, "0" * 64)


def _too_large(place: Path, patch: Patch) -> None:
    patch.setattr(unseal, "MAX_FILE", -1)
    (place / "run.sia").touch()
    unseal._connect(place / "run.sia")


def _held(place: Path, patch: Patch) -> None:
    import filelock

    patch.setattr(log.filelock, "FileLock", refusing(filelock.Timeout("x")))
    log._lock(place, "run")


def _unlockable(place: Path, patch: Patch) -> None:
    patch.setattr(log.filelock, "FileLock", refusing(OSError(30, "Read-only file system")))
    log._lock(place, "run")


def _untrusted_home(place: Path, patch: Patch) -> None:
    patch.setattr(user_state, "is_own", lambda *_, **__: False)
    trust._store(mock.Mock(), "mark")


def _changed_import(place: Path, patch: Patch) -> None:
    for name in ("explained", "transaction"):
        patch.setattr(merge, name, lambda *_, **__: contextlib.nullcontext())
    patch.setattr(merge, "open_writer", lambda _: mock.Mock())
    patch.setattr(merge, "missing", lambda *_: [mock.Mock(run="r")])
    merge.merge(PAST, mock.Mock(stored_blobs=list), [], fresh=[])


def _other_commit(place: Path, patch: Patch) -> None:
    payload = _payload(t.HarnessWritten, files={}, commit="0" * 40)
    event = mock.Mock(type=t.HarnessWritten.type, payload=payload, n=3, run="r")
    patch.setattr(rebuild, "version_of", lambda *_: None)
    repository = mock.Mock(write=lambda _: SimpleNamespace(commit="1" * 40))
    rebuild.write_versions(repository, mock.Mock(), [event])


def _untested(place: Path, patch: Patch) -> None:
    async def nothing(*_: Any) -> None:
        return None

    patch.setattr(driver, "perform", nothing)
    run = mock.Mock()
    run.state = SimpleNamespace(incumbent=1, open_step=None, n=9, generation=1, last_failure=None)
    run.log.reader.history = lambda *_, **__: []
    asyncio.run(driver.test(run, mock.Mock()))


def _nothing_live(place: Path, patch: Patch) -> None:
    patch.setattr("engine.loop.control_socket.send", lambda *_: False)
    control.send_request("pause", "some", mock.Mock())


def _adapter(place: Path, *, files: bool) -> Path:
    name = hashlib.sha256(b"another").hexdigest()
    if files:
        (place / "adapters" / name).mkdir(parents=True)
    return Path(name)


def _beside(place: Path, patch: Patch) -> None:
    name = "0" * 64
    (carried.folder_beside(place / "run.sia") / name).mkdir(parents=True)
    patch.setattr(carried, "names_of_run", lambda *_: [name])
    carried.unpack(mock.Mock(), "r", Workspace(place / "ws"), place / "run.sia")


def _generation(number: int | None) -> Provoke:
    empty: Any = SimpleNamespace(history=lambda _: [])
    return lambda place, patch: folder.load_all(empty, mock.Mock(), [number])


def _taken() -> Any:
    return SimpleNamespace(execute=lambda *_: SimpleNamespace(fetchone=lambda: (1,)))


def _live_garbage(place: Path, patch: Patch) -> None:
    patch.setattr(garbage, "is_held", lambda *_: True)
    garbage._check_idle(mock.Mock(), mock.Mock(runs=lambda: [mock.Mock()]))


def _no_sandbox(place: Path, patch: Patch) -> None:
    async def opened() -> None:
        async with session.open_sandbox(mock.Mock(), workers=1, broker=mock.Mock(), isolation=mock.Mock(mode="none")):
            pass

    asyncio.run(opened())


def _rules(place: Path, patch: Patch) -> None:
    decide.decide(mock.Mock(spec=State, rules=99))


def _verdict() -> Event:
    """A verdict on a generation that never began."""
    stored = codec.encode(t.GateDecided(True, "", "", 0))
    return Event(1, "r", 1, t.GateDecided.type, 1, 0, 1, stored, "", "")


PROVOKED: dict[str, Provoke] = {
    "… cannot be written": _denied,
    "… cannot be written (…)": _unlockable,
    "another engine is working on this run": _held,
    "what you trust cannot be recorded in …": _untrusted_home,
    "the log names …, which is not a file name": lambda place, patch: containment.inside(place, "adapters", "a/b"),
    "… is locked by another program": sqlite("database is locked"),
    "… is damaged (…)": sqlite("database disk image is malformed"),
    "…: …": sqlite("no such column: x"),
    "… is damaged or forged: reading it does not end": sqlite("interrupted"),
    "the disk that holds … is full": sqlite("database or disk is full"),
    "… cannot be opened for this command": sqlite("attempt to write a readonly database"),
    "event … (…) does not fit what came before it": lambda place, patch: evolve(State(), _verdict()),
    "… is damaged (event …)": lambda place, patch: _reader()._event((1, "r", "three")),
    "… is damaged or forged: it has too many rows": _many_rows,
    "… is damaged or forged: its events repeat": lambda place, patch: list(_reader(_row(2), _row(1)).all_events()),
    "… is larger than … GB, more than any export": _too_large,
    "the parent run … is not in this log": _without_parent,
    "the blob … is missing from the log": _blob(None),
    "the blob … is damaged": _blob(("raw", None)),
    "the history does not begin with run.started": lambda place, patch: State().settings,
    "this run follows rules …, which this release does not know": _rules,
    "the run has no events": lambda place, patch: replay.verify(mock.Mock(history=lambda *_, **__: []), "r"),
    "the run has no event …": lambda place, patch: Reader.event(mock.Mock(history=lambda *_, **__: []), "r", 7),
    "the run … changed while it was imported": _changed_import,
    "event … of run … names a commit that its files do not produce": _other_commit,
    "the test did not finish after … s (…)": _untested,
    "no engine is working on …": _nothing_live,
    "the adapter … is not in this workspace": lambda place, patch: adapters.read_files(place, "0" * 64),
    "the files of the adapter … are damaged": lambda place, patch: adapters.read_files(
        place, str(_adapter(place, files=True))
    ),
    "the files of the adapter … beside … are damaged": _beside,
    "this run has no incumbent yet": _generation(None),
    "… has no generation …": _generation(3),
    "the folder … does not exist": lambda place, patch: seal.check_target(place / "none" / "run.sia"),
    "the log holds an event … of version …, which this release does not know": lambda place, patch: codec.decode(
        "run.sold", 1, b"{}"
    ),
    "an event … of version … cannot be read (…)": lambda place, patch: codec.decode("run.paused", 1, b"[]"),
    "an event … cannot be recorded (…)": lambda place, patch: codec.encode(t.GenerationStarted(None)),
    "the name … is taken here": lambda place, patch: readmodels._free(_taken(), "some", "r"),
    "an engine is working on …": _live_garbage,
    "this machine offers no sandbox to run a harness in": _no_sandbox,
    "the domain's data cannot be written as JSON (…)": lambda place, patch: folder._json({1, 2}),
    "the input cannot be read: …": lambda place, patch: apply.parse_input('{"id": 1', "jsonl"),
}
