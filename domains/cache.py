"""The user's cache, which all workspaces share: `$SIA_CACHE`, or the folder that the system has for such things.

What is made or obtained there is whole (`domains.atomic`), and one process at a time makes it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import filelock
import platformdirs

from domains import atomic
from domains.contract import Report


def folder(*parts: str) -> Path:
    """A folder of the cache; it need not exist."""
    root = os.environ.get("SIA_CACHE")
    return (Path(root) if root else platformdirs.user_cache_path("sia")).joinpath(*parts)


def once(
    target: Path,
    make: Callable[[Path], object],
    *,
    whole: Callable[[Path], bool] = Path.exists,
    report: Report = lambda _: None,
) -> Path:
    """`target`, a file or folder, after `make` has written it elsewhere, where it is not there `whole` already.

    Nothing but what `make` has ended is ever at `target`, whenever this process is killed. Where two want the same, the
    second waits and takes what the first has made. Raises what `make` raises, and `OSError`.
    """
    if whole(target):
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with alone(target, report):
        if not whole(target):
            scratch = target.with_name(f".{target.name}.new")
            if scratch.exists():  # of a process that was killed
                shutil.rmtree(scratch)
            scratch.mkdir()
            try:
                make(fresh := scratch / target.name)
                atomic.move(fresh, target)
            finally:
                shutil.rmtree(scratch, ignore_errors=True)
    return target


@contextlib.contextmanager
def alone(target: Path, report: Report) -> Iterator[None]:
    """One process at a time, by a lock beside `target`; a second one waits, and says so.

    The kernel frees the lock the instant its holder dies; its file stays, since removing it would split waiters.
    """
    lock = filelock.FileLock(target.with_name(f".{target.name}.lock"), poll_interval=0.2)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        report(f"another process is at work on {target}: waiting for it")
        lock.acquire(timeout=-1)
    try:
        yield
    finally:
        lock.release()
