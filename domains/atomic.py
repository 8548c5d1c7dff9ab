"""Atomic writes: a file or folder under a name is complete, or absent.

A reader finds the former file or the new one, never a part of one, whenever the writer is killed. A folder replaces a
former one in two steps, between which neither exists.

`durable`, the default, extends this to power cuts: contents reach the disk before their name does, and the name before
the call returns. It costs some milliseconds. Without it a power cut may leave the former file, or an empty one; use it
for files that are written often and whose readers treat an unreadable file as a missing one.

The leftovers of a killed writer are in the same folder, under names that begin with `SCRATCH`.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

SCRATCH = ".new-"


def write(target: Path, content: bytes, *, durable: bool = True) -> None:
    """Writes a small file and replaces an existing one; the last of several writers wins. Raises `OSError`."""
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name(f"{SCRATCH}{os.getpid()}-{threading.get_ident()}-{target.name}")
    fresh.unlink(missing_ok=True)  # left by a killed writer, or a link that somebody put there
    try:
        with fresh.open("xb") as file:
            file.write(content)
        move(fresh, target, durable=durable)
    except OSError as error:
        _raise_of(target, error)
        raise
    finally:
        fresh.unlink(missing_ok=True)


@contextlib.contextmanager
def create(target: Path, *, replace: bool = True) -> Iterator[Path]:
    """A path for a file or folder, which is moved to `target` at the end of the block, durably.

    If the block raises, `target` stays as it was. Raises `OSError`, and without `replace`, which is for files only,
    `FileExistsError` if there is something at `target`.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(dir=target.absolute().parent, prefix=SCRATCH) as scratch:
            yield (fresh := Path(scratch) / target.name)
            move(fresh, target, replace=replace)
    except OSError as error:
        _raise_of(target, error)
        raise


def move(fresh: Path, target: Path, *, durable: bool = True, replace: bool = True) -> None:
    """Moves a finished file or folder to `target` in the same file system, as `create` does."""
    if durable:
        for path in [*fresh.rglob("*"), fresh]:
            _sync(path)
    if not replace:
        target.hardlink_to(fresh)
    elif fresh.is_dir() and target.exists():  # a folder can only be renamed onto an empty one
        former = fresh.with_name(f"{fresh.name}.former")
        target.rename(former)
        fresh.rename(target)
        shutil.rmtree(former, ignore_errors=True)
    else:
        fresh.replace(target)
    if durable:
        _sync(target.absolute().parent)


def _raise_of(target: Path, error: OSError) -> None:
    """Raises the error as one of `target` where it names a file of ours, of which its reader knows nothing."""
    if error.filename is not None and any(part.startswith(SCRATCH) for part in Path(os.fsdecode(error.filename)).parts):
        raise OSError(error.errno, error.strerror, str(target)) from error


def _sync(path: Path) -> None:
    if path.is_symlink() or not (path.is_file() or path.is_dir()):
        return
    # some file systems cannot sync a folder: there only the name may be lost
    with contextlib.suppress(OSError) if path.is_dir() else contextlib.nullcontext():
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
