"""`import`: merges an exported run into a workspace, by hash, all or nothing, after checking everything.

What exists already stays as it is: importing a file twice is harmless, and runs that share a prefix share it here too.
git objects are written first, then events, blobs and derived rows in one transaction, then tips and refs. After a
crash before the last step, the same import or `rebuild` points the refs.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from engine.core import replay
from engine.core.settings import check_form
from engine.errors import SiaError
from engine.events import losses, readings, tips
from engine.events import types as t
from engine.events.archive import Manifest, is_archive
from engine.events.event import Event
from engine.events.log import holding, is_held
from engine.events.maintenance.merge import merge, missing
from engine.events.reader import Reader
from engine.events.readmodels import LONGEST_NAME
from engine.events.storage import blobs
from engine.events.unseal import open_archive
from engine.run.workspace import Workspace
from engine.transfer import rebuild
from harness_repo.harness import MAX_BYTES, HarnessInvalid, check_path


class ImportResult(msgspec.Struct, frozen=True):
    """The imported run under its name here, its events, how many were new, and how many blobs were left out."""

    run: str
    name: str
    events: int
    new: int
    left_out: int


@contextlib.contextmanager
def open_export(path: Path) -> Iterator[tuple[Reader, Manifest]]:
    """An exported run, after checking its contents, history and harness files, and that it replays."""
    if not path.is_file():
        raise SiaError(f"the file {path} does not exist", "name a file that `sia export` has written")
    if not is_archive(path):
        raise SiaError(f"{path} is not an exported run", "name a .sia file that `sia export` has written")
    db, manifest = open_archive(path)
    with contextlib.closing(Reader(db, path)) as reader:
        _check(reader, manifest, path)
        yield reader, manifest


@contextlib.contextmanager
def read_export(path: Path) -> Iterator[Reader]:
    """`open_export` without the manifest."""
    with open_export(path) as (reader, _):
        yield reader


def import_run(workspace: Workspace, path: Path) -> ImportResult:
    """Imports the run in `path` into `workspace`; raises `SiaError`, and imports nothing, if any part is invalid."""
    with open_export(path) as (source, manifest):
        events = [event for run in source.runs() for event in source.own(run.run)]
        digest = readings.digest_of(source, manifest.run)
        readings.record(digest, readings.known(source, digest) | set(manifest.readings))
        with workspace.name_lock():
            fresh = {event.run for event in _new_events(workspace, events)}
            with holding(workspace.path, fresh):
                _check_tips(workspace, fresh, events)
                rebuild.write_versions(workspace.repository(), source, events)
                new = merge(workspace.log, source, events, fresh)
                _write_tips(workspace, fresh)
                # also of what was here already: an import may have been killed before this
                free = [run for run in {event.run for event in events} - fresh if not is_held(workspace.path, run)]
                rebuild.point_refs(workspace, [*fresh, *free])
        with contextlib.closing(workspace.reader()) as reader:
            name = reader.find(manifest.run).name
            left_out = sum(codec == blobs.LEFT_OUT for _, codec, _ in source.stored_blobs())
        return ImportResult(manifest.run, name, len(events), new, left_out)


def _check(reader: Reader, manifest: Manifest, path: Path) -> None:
    try:
        for run in reader.runs():
            for event in reader.own(run.run):
                _check_payload(event.payload, reader)
        shared = {part for part, last in reader.segments(manifest.run) if last is None or reader.own(part, last)}
        for run in reader.runs():
            if run.run == manifest.run or run.run not in shared:
                found = replay.verify(reader, run.run)
                if found.diverged_at is not None:
                    raise _invalid_file(path, f"it diverges at event {found.diverged_at.n}")
    except SiaError as error:
        raise error if error.message.startswith(str(path)) else _invalid_file(path, error.message) from error
    except HarnessInvalid as error:
        raise _invalid_file(path, str(error)) from None
    except Exception as error:  # untrusted events in code written for our own
        raise _invalid_file(path, f"it cannot be replayed: {error}") from error


def _invalid_file(path: Path, what: str) -> SiaError:
    return SiaError(
        f"{path} is damaged or forged ({' '.join(what.split())[:200]})",
        "ask for another copy; nothing was imported",
    )


def _check_payload(payload: t.Payload, reader: Reader) -> None:
    match payload:
        case t.RunStarted(name=name) | t.RunForked(name=name) | t.RunRenamed(name=name):
            check_form(name, LONGEST_NAME)
        case t.HarnessWritten(files=files):
            for name in files:
                check_path(name)
            size = 0
            for blob in files.values():  # the same large blob may stand for every file
                size += len(reader.blob(blob))
                if size > MAX_BYTES:
                    raise HarnessInvalid("a harness in it is larger than a harness may be")
        case _:
            pass


def _new_events(workspace: Workspace, events: list[Event]) -> list[Event]:
    if not workspace.log.exists():
        return events
    with contextlib.closing(workspace.reader()) as reader:
        return missing(reader, events)


def _check_tips(workspace: Workspace, runs: set[str], events: list[Event]) -> None:
    """Raises `Lost` where a run here has lost events that are not all among `events`: its new tip would hide that."""
    brought = {(event.run, event.n, event.hash) for event in events}
    for run in runs:
        tip = tips.read(workspace.tips, run)
        if tip is not None and (run, tip.n, tip.hash) not in brought:
            with contextlib.closing(workspace.reader()) as reader:
                losses.check_whole(reader, workspace.tips, run)


def _write_tips(workspace: Workspace, runs: set[str]) -> None:
    with contextlib.closing(workspace.reader()) as reader:
        for run in runs:
            if (head := reader.head(run)) is None:
                continue
            with contextlib.suppress(OSError):  # a log ahead of its tip is healthy
                tips.write(workspace.tips, run, tips.Tip(head.n, head.hash))
