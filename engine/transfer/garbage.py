"""`gc`: finds and removes what nothing in a workspace needs. No engine may be running meanwhile.

A blob is needed if any event of any run names it. The tip of a run that is not in the log and was never removed shows
a loss: it is kept, and `verify` reports it.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import msgspec

from domains import atomic
from engine import containment
from engine.errors import SiaError
from engine.events.log import Held, holding, is_held
from engine.events.maintenance import housekeeping
from engine.events.reader import Reader
from engine.events.storage.connection import explained, open_writer
from engine.run import adapters
from engine.run.workspace import Workspace


class Waste(msgspec.Struct, frozen=True):
    """Blobs and files that nothing needs, with their sizes in bytes; blobs as stored."""

    blobs: int
    blob_bytes: int
    files: list[str]
    file_bytes: int


def survey(workspace: Workspace) -> Waste:
    """The waste that `sweep` would remove; changes nothing."""
    with contextlib.closing(workspace.reader()) as reader:
        _check_idle(workspace, reader)
        waste = [size for _, size in housekeeping.unneeded_blobs(reader)]
        return _waste(waste, [path for path, _ in _leftovers(workspace, reader)])


def sweep(workspace: Workspace) -> Waste:
    """Removes the waste. Raises `SiaError`, and removes nothing, if an engine works on any run."""
    workspace.reader().close()
    with workspace.name_lock(), contextlib.closing(open_writer(workspace.log)) as db:
        reader = Reader(db, workspace.log)
        _check_idle(workspace, reader)
        with holding(workspace.path, [run.run for run in reader.runs()]), explained(workspace.log):
            sizes = housekeeping.delete_unneeded_blobs(db, reader)
            paths = list(_leftovers(workspace, reader))
            done = _waste(sizes, [path for path, _ in paths])
            for path, run in paths:
                _remove(workspace, path, run)
    return done


def _check_idle(workspace: Workspace, reader: Reader) -> None:
    for run in reader.runs():
        if is_held(workspace.path, run.run):
            raise SiaError(f"an engine is working on {run.name}", f"let it finish, or `sia pause {run.name}`")


def _leftovers(workspace: Workspace, reader: Reader) -> Iterator[tuple[Path, str]]:
    """Files that nothing needs while no engine works, each with the run whose lock must be free, if any."""
    base = workspace.path
    runs = {run.run for run in reader.runs()}
    removed = housekeeping.removed_runs(reader) - runs
    for pattern in (f"{atomic.SCRATCH}*", "tips/.*", "control/*", "harness_repo/objects/**/tmp_obj_*"):
        yield from ((path, "") for path in sorted(base.glob(pattern)))
    yield from ((path, "") for path in adapters.unused_folders(reader, base))
    for lock in sorted((base / "locks").glob("*")):
        if lock.name not in runs:
            yield lock, lock.name
    yield from ((base / "tips" / run, run) for run in sorted(removed) if (base / "tips" / run).exists())


def _remove(workspace: Workspace, path: Path, run: str) -> None:
    with contextlib.suppress(Held, FileNotFoundError), holding(workspace.path, [run] if run else []):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        if run:
            containment.inside(workspace.path, "locks", run).unlink(missing_ok=True)


def _waste(blobs: list[int], paths: list[Path]) -> Waste:
    sizes = [sum(file.lstat().st_size for file in [path, *path.rglob("*")] if file.is_file()) for path in paths]
    return Waste(len(blobs), sum(blobs), [str(path) for path in paths], sum(sizes))
